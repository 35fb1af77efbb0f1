import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError } from '../../../src/errors/app-error.ts';
import { WeightsValidator } from '../../../src/resources/adapters/weights-validator.ts';
import fc from '../../fast-check.ts';
import { buildGguf, TYPE } from '../../gguf/gguf-file.ts';
import { fileOfTensors } from '../../safetensors/file-bytes.ts';

const gguf = buildGguf({
  keyValues: [['general.architecture', TYPE.str, 'llama']],
  tensors: [{ name: 'x.lora_a', ne: [8, 4], type: 'F16' }],
});
const safetensors = fileOfTensors([{ name: 'x.lora_a', dtype: 'F16', shape: [4, 8] }]);

/** The code of the refusal, or "accepted". */
function verdictOf(file: Uint8Array, sizes: readonly number[] = [file.length]): string {
  const validator = new WeightsValidator();
  try {
    for (let at = 0, turn = 0; at < file.length; turn += 1) {
      const chunk = Uint8Array.from(file.subarray(at, at + sizes[turn % sizes.length]!));
      validator.push(chunk);
      at += chunk.length;
      chunk.fill(0x58);
    }
    validator.finish(file.length);
    return 'accepted';
  } catch (error) {
    assert.ok(error instanceof AppError, String(error));
    return error.code;
  }
}

describe('the validator for weights of any format', () => {
  const cases: readonly (readonly [what: string, file: Uint8Array, verdict: string])[] = [
    ['GGUF', gguf, 'accepted'],
    ['safetensors', safetensors, 'accepted'],
    ['GGUF that is cut off', gguf.subarray(0, -40), 'GGUF_NOT_COVERED'],
    ['the beginning of GGUF', gguf.subarray(0, 5), 'GGUF_TRUNCATED'],
    ['GGUF with more behind it', Buffer.concat([gguf, Buffer.alloc(1)]), 'GGUF_NOT_COVERED'],
    ['safetensors that is cut off', safetensors.subarray(0, -1), 'ST_BUFFER_NOT_COVERED'],
    ['nothing', new Uint8Array(0), 'ST_HEADER_TOO_SMALL'],
    ['less than a magic number', Buffer.from('GGU'), 'ST_HEADER_TOO_SMALL'],
    ['a pickle', Buffer.from(`\x80\x02}q\0.${'x'.repeat(600)}`, 'latin1'), 'PICKLE_REFUSED'],
    ['GGUF of another version', Buffer.from(`GGUF\x01\0\0\0${'\0'.repeat(64)}`, 'latin1'), 'GGUF_VERSION'],
  ];
  for (const [what, file, verdict] of cases) {
    it(`${what}: ${verdict}, however it is split`, () => {
      const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 });
      assert.equal(verdictOf(file), verdict);
      fc.assert(
        fc.property(sizes, (cuts) => assert.equal(verdictOf(file, cuts), verdict)),
        { numRuns: 30 },
      );
    });
  }
});
