import fc from '../fast-check.ts';
import { assembleSafetensors } from '../oracle/safetensors.ts';

export interface TensorSpec {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
}

const BITS: Readonly<Record<string, number>> = {
  F32: 32,
  F16: 16,
  BF16: 16,
  F64: 64,
  F8_E4M3: 8,
  F8_E5M2: 8,
  I8: 8,
  I64: 64,
  BOOL: 8,
  C64: 64,
};
const DTYPES = Object.keys(BITS);

/** A module of a generated adapter, before any damage. */
export interface Site {
  readonly path: number;
  readonly style: number;
  readonly rank: number;
  readonly m: number;
  readonly n: number;
  readonly kernel: number;
  readonly dtype: string;
}
const size = fc.integer({ min: 1, max: 6 });
export const sites: fc.Arbitrary<Site[]> = fc.array(
  fc.record({
    path: fc.nat(5),
    style: fc.nat(7),
    rank: fc.integer({ min: 1, max: 4 }),
    m: size,
    n: size,
    kernel: fc.constantFrom(1, 1, 1, 3),
    dtype: fc.constantFrom('F32', 'F16', 'BF16', 'F64', 'F8_E4M3', 'F8_E5M2'),
  }),
  { minLength: 1, maxLength: 4 },
);

/** Changes of tensors: half of the time none, so that whole adapters are generated too. */
export interface Change {
  readonly kind: 'drop' | 'dtype' | 'extent' | 'axis' | 'flatten' | 'rename' | 'twin';
  readonly which: number;
  readonly value: number;
}
export const changes: fc.Arbitrary<Change[]> = fc.oneof(
  fc.constant<Change[]>([]),
  fc.array(
    fc.record({
      kind: fc.constantFrom('drop', 'dtype', 'extent', 'axis', 'flatten', 'rename', 'twin'),
      which: fc.nat(40),
      value: fc.nat(9),
    }),
    { maxLength: 3 },
  ),
);

const ODD_NAMES = [
  '',
  '.',
  'alpha',
  'x.lora_A.weight',
  'lora_',
  '.lora_down.weight',
  'constructor',
  'toString',
  ':',
  '日本',
];

export function changed(tensors: readonly TensorSpec[], list: readonly Change[]): TensorSpec[] {
  const result = [...tensors];
  for (const { kind, which, value } of list) {
    const index = which % Math.max(result.length, 1);
    const one = result[index];
    if (!one) continue;
    if (kind === 'drop') result.splice(index, 1);
    if (kind === 'twin') result.push({ ...one, name: `${one.name}${value}` });
    if (kind === 'rename') result[index] = { ...one, name: ODD_NAMES[value]! };
    if (kind === 'dtype') result[index] = { ...one, dtype: DTYPES[value % DTYPES.length]! };
    if (kind === 'extent')
      result[index] = { ...one, shape: one.shape.map((extent, axis) => (axis === 0 ? value : extent)) };
    if (kind === 'axis') result[index] = { ...one, shape: [...one.shape, value] };
    if (kind === 'flatten') result[index] = { ...one, shape: one.shape.slice(1) };
  }
  return [...new Map(result.map((one) => [one.name, one])).values()];
}

/** A safetensors file of these tensors; every byte of their data is `fill`. */
export function fileOf(
  tensors: readonly TensorSpec[],
  fill: number,
  metadata: Readonly<Record<string, string>> = {},
): Buffer {
  let end = 0;
  const entries = tensors.map(({ name, dtype, shape }) => {
    const begin = end;
    end += (shape.reduce((product, extent) => product * extent, 1) * BITS[dtype]!) / 8;
    return [name, { dtype, shape, data_offsets: [begin, end] }] as const;
  });
  // Written as text, because in an object the name "__proto__" would be lost.
  const fields = entries.map(([name, entry]) => `${JSON.stringify(name)}:${JSON.stringify(entry)}`);
  if (Object.keys(metadata).length > 0) fields.push(`"__metadata__":${JSON.stringify(metadata)}`);
  return Buffer.from(assembleSafetensors(`{${fields.join(',')}}`, Buffer.alloc(end, fill)));
}
