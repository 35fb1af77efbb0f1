import type { ErrorCode } from '../../src/errors/error-kinds.ts';
import { gaussianMatrix } from '../oracle/known-matrices.ts';
import { assembleSafetensors, buildSafetensors, float32Tensor, type Tensor } from '../oracle/safetensors.ts';
import type { AdapterFiles } from './client.ts';

/** An upload that must be refused with this code, naming what is wrong. */
export interface BadAdapter {
  readonly what: string;
  readonly files: Partial<AdapterFiles>;
  readonly code: ErrorCode;
  /** Must be in the detail: the file, the tensor or the value at fault. */
  readonly names?: string;
}

const A = 'base_model.model.layers.0.q_proj.lora_A.weight';
const B = 'base_model.model.layers.0.q_proj.lora_B.weight';
const CONFIG = { peft_type: 'LORA', r: 4, lora_alpha: 8, target_modules: ['q_proj'], bias: 'none' };

const factor = (rows: number, columns: number): Tensor =>
  float32Tensor([rows, columns], gaussianMatrix(rows, columns, rows + columns).data);
const GOOD_TENSORS = { [A]: factor(4, 12), [B]: factor(16, 4) };
const GOOD_WEIGHTS = buildSafetensors(GOOD_TENSORS, { format: 'pt' });
const GOOD_CONFIG = JSON.stringify(CONFIG);

/** The valid adapter from which the bad ones differ: rank 4, 16×12. */
export const GOOD_ADAPTER: AdapterFiles = { weights: GOOD_WEIGHTS, config: GOOD_CONFIG };
/**
 * GOOD_ADAPTER with one weight that is not finite, which is found at upload or, since that takes all the
 * data, by the job.
 */
export const adapterWith = (value: number): AdapterFiles => ({
  weights: buildSafetensors({ ...GOOD_TENSORS, [B]: float32Tensor([16, 4], withValue(value)) }),
  config: GOOD_CONFIG,
});
export const NON_FINITE_TENSOR = B;

function withValue(value: number): Float64Array {
  const values = gaussianMatrix(16, 4, 20).data;
  values[37] = value;
  return values;
}

const entry = (begin: number, end: number, shape: readonly number[], dtype = 'F32') =>
  JSON.stringify({ dtype, shape, data_offsets: [begin, end] });
/** Two float32 tensors of these byte ranges in 448 bytes of data. */
const withOffsets = (a: readonly [number, number], b: readonly [number, number], dataBytes = 448) =>
  assembleSafetensors(
    `{"${A}":${entry(a[0], a[1], [4, 12])},"${B}":${entry(b[0], b[1], [16, 4])}}`,
    Buffer.alloc(dataBytes, 1),
  );

const LFS_POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 3254000\n`;
const PICKLE = Buffer.from([
  0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e,
]);
const ZIP = Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(26), Buffer.from('archive/data')]);

const weights = (file: Uint8Array): Partial<AdapterFiles> => ({ weights: file, config: GOOD_CONFIG });
const tensors = (some: Record<string, Tensor>) => weights(buildSafetensors(some));
const config = (value: unknown): Partial<AdapterFiles> => ({
  weights: GOOD_WEIGHTS,
  config: typeof value === 'string' ? value : JSON.stringify(value),
});

export const BAD_ADAPTERS: readonly BadAdapter[] = [
  // Files that are missing, truncated or of another kind
  {
    what: 'no weights',
    files: { config: GOOD_CONFIG },
    code: 'FILE_MISSING',
    names: 'adapter_model.safetensors',
  },
  {
    what: 'no configuration',
    files: { weights: GOOD_WEIGHTS },
    code: 'FILE_MISSING',
    names: 'adapter_config.json',
  },
  { what: 'an empty file', files: weights(Buffer.alloc(0)), code: 'ST_HEADER_TOO_SMALL' },
  { what: 'a file of seven bytes', files: weights(Buffer.alloc(7)), code: 'ST_HEADER_TOO_SMALL' },
  { what: 'a pickle', files: weights(PICKLE), code: 'PICKLE_REFUSED' },
  { what: 'a zip', files: weights(ZIP), code: 'UNSUPPORTED_FORMAT' },
  { what: 'a Git LFS pointer', files: weights(Buffer.from(LFS_POINTER)), code: 'LFS_POINTER' },

  // The safetensors header
  { what: 'a cut header', files: weights(GOOD_WEIGHTS.subarray(0, 60)), code: 'ST_HEADER_LENGTH' },
  { what: 'cut data', files: weights(GOOD_WEIGHTS.subarray(0, -1)), code: 'ST_BUFFER_NOT_COVERED' },
  {
    what: 'data too many',
    files: weights(Buffer.concat([GOOD_WEIGHTS, Buffer.of(0)])),
    code: 'ST_BUFFER_NOT_COVERED',
  },
  {
    what: 'a header that is no JSON',
    files: weights(assembleSafetensors('{"x"', Buffer.of())),
    code: 'ST_HEADER_JSON',
  },
  {
    what: 'a tensor named twice',
    files: weights(
      assembleSafetensors(
        `{"${A}":${entry(0, 192, [4, 12])},"${A}":${entry(192, 448, [16, 4])}}`,
        Buffer.alloc(448),
      ),
    ),
    code: 'ST_DUPLICATE_KEY',
    names: A,
  },
  {
    what: 'tensors that overlap',
    files: weights(withOffsets([0, 192], [188, 444], 444)),
    code: 'ST_INVALID_OFFSET',
  },
  {
    what: 'a hole between tensors',
    files: weights(withOffsets([0, 192], [196, 452], 452)),
    code: 'ST_INVALID_OFFSET',
  },
  {
    what: 'a shape that does not fill its bytes',
    files: weights(withOffsets([0, 188], [188, 444], 444)),
    code: 'ST_TENSOR_INVALID_INFO',
    names: A,
  },
  {
    what: 'a dtype nobody knows',
    files: weights(assembleSafetensors(`{"${A}":${entry(0, 192, [4, 12], 'F31')}}`, Buffer.alloc(192))),
    code: 'ST_UNKNOWN_DTYPE',
    names: 'F31',
  },

  // The LoRA inside
  {
    what: 'A without B',
    files: tensors({ [A]: factor(4, 12) }),
    code: 'LORA_UNPAIRED',
    names: 'layers.0.q_proj',
  },
  {
    what: 'B without A',
    files: tensors({ [B]: factor(16, 4) }),
    code: 'LORA_UNPAIRED',
    names: 'layers.0.q_proj',
  },
  { what: 'no LoRA at all', files: tensors({ 'model.weight': factor(4, 4) }), code: 'NO_LORA_TENSORS' },
  {
    what: 'factors of different ranks',
    files: tensors({ [A]: factor(4, 12), [B]: factor(16, 3) }),
    code: 'LORA_RANK_MISMATCH',
    names: 'layers.0.q_proj',
  },
  {
    what: 'factors without a rank',
    files: tensors({ [A]: factor(0, 12), [B]: factor(16, 0) }),
    code: 'LORA_RANK_ZERO',
    names: 'layers.0.q_proj',
  },
  {
    what: 'factors of integers',
    files: tensors({
      [A]: { dtype: 'I32', shape: [4, 12], bytes: new Uint8Array(192) },
      [B]: factor(16, 4),
    }),
    code: 'UNSUPPORTED_DTYPE',
    names: 'I32',
  },

  // The configuration
  { what: 'a configuration that is no JSON', files: config('{"r": 4,'), code: 'CONFIG_JSON' },
  { what: 'a configuration that is a list', files: config('[1]'), code: 'CONFIG_INVALID' },
  {
    what: 'a key twice',
    files: config(`{"r": 8, ${GOOD_CONFIG.slice(1)}`),
    code: 'CONFIG_DUPLICATE_KEY',
    names: 'r',
  },
  {
    what: 'a method that is not LoRA',
    files: config({ ...CONFIG, peft_type: 'IA3' }),
    code: 'CONFIG_PEFT_TYPE',
    names: 'IA3',
  },
  { what: 'rank 0', files: config({ ...CONFIG, r: 0 }), code: 'CONFIG_RANK' },
  { what: 'half a rank', files: config({ ...CONFIG, r: 4.5 }), code: 'CONFIG_RANK' },
  { what: 'an alpha in words', files: config({ ...CONFIG, lora_alpha: 'eight' }), code: 'CONFIG_ALPHA' },
  {
    what: 'a rank other than the tensors have',
    files: config({ ...CONFIG, r: 8 }),
    code: 'CONFIG_RANK_MISMATCH',
    names: 'q_proj',
  },
  {
    what: 'a pattern rank other than the tensors have',
    files: config({ ...CONFIG, rank_pattern: { q_proj: 2 } }),
    code: 'CONFIG_RANK_MISMATCH',
    names: 'q_proj',
  },
  {
    what: 'a pattern that is no pattern',
    files: config({ ...CONFIG, rank_pattern: { '(': 4 } }),
    code: 'CONFIG_REGEX',
    names: '(',
  },
  {
    what: 'QALoRA',
    files: config({ ...CONFIG, use_qalora: true }),
    code: 'UNSUPPORTED_LORA_VARIANT',
    names: 'use_qalora',
  },
];
