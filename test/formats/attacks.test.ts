import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { AppError } from '../../src/errors/app-error.ts';
import { readAdapter } from '../../src/formats/read-adapter.ts';
import { summarise } from '../../src/formats/summary.ts';
import { WeightsValidator } from '../../src/resources/adapters/weights-validator.ts';

const FOLDER = new URL('../fixtures/attacks/', import.meta.url);
const CONTROL_WEIGHTS = 'lora/l00_valid_f32.safetensors';
const CONTROL_CONFIG = 'config/g00_valid.json';

/** One row of the manifest; its README explains the fields. */
interface Attack {
  readonly file: string;
  readonly config?: string;
  readonly what: string;
  readonly status: number;
  readonly codes: readonly string[];
  readonly needsData?: true;
}

const pathOf = (file: string): string => fileURLToPath(new URL(file, FOLDER));
const attacks = JSON.parse(await readFile(pathOf('manifest.json'), 'utf8')) as readonly Attack[];
const controlConfig = await readFile(pathOf(CONTROL_CONFIG));

/**
 * The configuration for given weights: the control's, with the rank of the only valid file that has another
 * rank.
 */
const configFor = (file: string): Uint8Array =>
  file.includes('l27_one_by_one')
    ? Buffer.from(String(controlConfig).replace('"r":4', '"r":1'))
    : controlConfig;

/** Reads the files as the service does; undefined if they are accepted. */
async function verdict({ file, config }: Pick<Attack, 'file' | 'config'>): Promise<AppError | undefined> {
  try {
    const adapter = file.startsWith('config/')
      ? await readAdapter({ weightsPath: pathOf(CONTROL_WEIGHTS), configBytes: await readFile(pathOf(file)) })
      : await readAdapter({
          weightsPath: pathOf(file),
          configBytes: config ? await readFile(pathOf(config)) : configFor(file),
        });
    summarise(adapter.adapter);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof AppError, `not an AppError: ${String(error)}`);
    return error;
  }
}

function checkAnswer({ file, status, codes, needsData }: Attack, error: AppError | undefined): void {
  if (error === undefined) {
    assert.ok(status === 201 || needsData, `${file} was accepted, not refused with ${codes}`);
    return;
  }
  assert.ok(codes.includes(error.code), `${file}: ${error.code} (${error.message}), not ${codes}`);
  assert.ok(!error.retryable && error.kind.status < 500);
  assert.ok(error.message.length < 1500, `${file}: the message has ${error.message.length} characters`);
}

describe('hostile uploads', () => {
  for (const attack of attacks) {
    it(`${attack.file}: ${attack.what}`, async () => checkAnswer(attack, await verdict(attack)));
  }

  it('changes nothing for the next upload, and leaves no trace on prototypes', async () => {
    assert.equal(await verdict({ file: CONTROL_WEIGHTS }), undefined);
    assert.deepEqual(Object.keys(Object.prototype), []);
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
  });

  it('is refused alike while it streams in and from a file', async () => {
    for (const attack of attacks.filter(({ file }) => !file.startsWith('config/'))) {
      const { file } = attack;
      const bytes = await readFile(pathOf(file));
      const validator = new WeightsValidator();
      let streamed: string | undefined;
      try {
        for (let at = 0; at < bytes.length; at += 7) validator.push(bytes.subarray(at, at + 7));
        validator.finish(bytes.length);
      } catch (error) {
        assert.ok(error instanceof AppError);
        streamed = error.code;
      }
      const fromFile = (await verdict(attack))?.code;
      const isContainerFault = /^(?:ST_|GGUF_|PICKLE|LFS|UNSUPPORTED_(?:FORMAT|CONTENT))/.test(
        fromFile ?? '',
      );
      if (isContainerFault || streamed) assert.equal(streamed, fromFile, file);
    }
  });

  // What a message must name so that the sender finds the fault.
  const names: readonly (readonly [file: string, named: RegExp])[] = [
    ['safetensors/b05_partial_overlap.safetensors', /Tensor "\w+" overlaps tensor "\w+"/],
    ['safetensors/b06_hole_middle.safetensors', /hole of 4 bytes after tensor "\w+"/],
    ['safetensors/b02_truncated_2.safetensors', /2 bytes are missing at its end/],
    ['safetensors/b11_size_mismatch.safetensors', /shape \[[\d,]+\] of \w+ takes \d+ bytes, not \d+/],
    ['safetensors/d02_dtype_unknown.safetensors', /dtype "\w+" is unknown/],
    ['safetensors/e02_dup_key_differ.safetensors', /at "\w+", the key "\w+" appears twice/],
    ['safetensors/e05_dup_inner_field.safetensors', /at "\w+" \/ "dtype"/],
    ['lora/l05_A_without_B.safetensors', /"model\.layers\.0\.self_attn\.q_proj".*no lora_B/],
    ['lora/l07_rank_mismatch.safetensors', /factors of different ranks \(4 and 8\)/],
    ['lora/l29_int8.safetensors', /has dtype I8; only/],
    ['lora/l35_prefix_collision.safetensors', /twice: "base_model\.model\.model.* and "model\.layers/],
    ['config/g33_r_mismatch.json', /tensors have rank 4, but r of adapter_config\.json is 8/],
    ['config/g29_r_fraction.json', /r must be a positive integer, not 4\.5/],
    ['config/g38_alpha_null.json', /lora_alpha must be a finite number, not null/],
    ['config/g48_rank_pattern_types.json', /rank_pattern of "q_proj"/],
    ['config/g45_trailing_comma.json', /at character 26/],
    ['formats/lfs_pointer.safetensors', /git lfs pull/],
    ['formats/adapter_model_zip.bin', /pickle.*save_file/],
  ];
  for (const [file, named] of names) {
    it(`names the fault of ${file}`, async () =>
      assert.match((await verdict({ file }))?.message ?? '', named));
  }
});
