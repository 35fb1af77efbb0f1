import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { isErrorCode } from '../../../src/errors/error-kinds.ts';
import { UploadInspector } from '../../../src/resources/uploads/upload-inspector.ts';
import { SafetensorsValidator } from '../../../src/safetensors/safetensors-validator.ts';
import fc from '../../fast-check.ts';
import { tinyAdapter } from '../../http/tiny-adapter.ts';
import { assembleSafetensors } from '../../oracle/safetensors.ts';

const { weights } = tinyAdapter();
const sha256 = createHash('sha256').update(weights).digest('hex');

/** The final result of a watch for a file: a digest, or a code. */
function verdict(work: () => string | undefined): string {
  try {
    return work() ?? 'no digest';
  } catch (error) {
    const { code } = error as { code: unknown };
    assert.ok(isErrorCode(code), String(error));
    return code;
  }
}

function feed(
  watch: UploadInspector,
  file: Uint8Array,
  from: number,
  sizes: readonly number[],
  total: number | null,
) {
  let at = from;
  for (const size of [...sizes, file.length]) {
    const piece = file.subarray(at, Math.min(at + size, file.length));
    if (piece.length > 0) watch.push(piece, total);
    at += piece.length;
  }
}

describe('ContentWatch', () => {
  const folder = mkdtempSync(join(tmpdir(), 'watch-test-'));
  after(() => rmSync(folder, { recursive: true }));
  const files = [
    weights,
    weights.subarray(0, -1),
    Buffer.concat([weights, Buffer.from('x')]),
    weights.subarray(0, 5),
    weights.subarray(0, 200),
    assembleSafetensors('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,9]}}', new Uint8Array(9)),
    Buffer.from('\x80\x04\x95 a pickle of some length', 'latin1'),
    Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:00\n'),
    Buffer.alloc(0),
  ];

  it('gives the same result however a file is split, and whether or not it was resumed', async () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 700 }), { maxLength: 8 });
    const some = fc.record({ file: fc.constantFrom(...files), sizes: cuts, resumeAt: fc.nat(2000) });
    await fc.assert(
      fc.asyncProperty(some, async ({ file, sizes, resumeAt }) => {
        const expected = verdict(() => {
          const validator = new SafetensorsValidator();
          validator.push(file);
          validator.finish(file.length);
          return 'accepted';
        });
        const whole = verdict(() => {
          const watch = UploadInspector.fromStart(new SafetensorsValidator());
          feed(watch, file, 0, sizes, null);
          return watch.finish(file.length);
        });
        assert.equal(whole, expected === 'accepted' ? sha256 : expected);

        const there = Math.min(resumeAt, file.length);
        const path = join(folder, 'part');
        writeFileSync(path, file.subarray(0, there));
        let resumed: UploadInspector | undefined;
        try {
          resumed = await UploadInspector.resumed(path, there, new SafetensorsValidator());
        } catch (error) {
          assert.equal((error as { code: string }).code, expected);
          return;
        }
        assert.equal(resumed.bytes, there);
        const rest = verdict(() => {
          feed(resumed, file, there, sizes, null);
          return resumed.finish(file.length);
        });
        if (expected !== 'accepted') return assert.equal(rest, expected);
        assert.equal(rest, there === 0 ? sha256 : 'no digest', 'bytes that nobody hashed');
      }),
      { numRuns: 300 },
    );
  });

  it('refuses by the announced size as soon as the header has arrived', () => {
    for (const total of [weights.length - 1, weights.length + 1]) {
      const watch = UploadInspector.fromStart(new SafetensorsValidator());
      const headerEnd = 8 + Number(weights.readBigUInt64LE());
      watch.push(weights.subarray(0, headerEnd - 1), total);
      assert.equal(watch.isRefused, false);
      assert.throws(() => watch.push(weights.subarray(headerEnd - 1, headerEnd), total), {
        code: 'ST_BUFFER_NOT_COVERED',
      });
      assert.equal(watch.isRefused, true);
    }
  });

  it('only hashes a file that is not weights', () => {
    const watch = UploadInspector.fromStart(undefined);
    for (const byte of weights) watch.push(Uint8Array.of(byte), weights.length);
    assert.equal(watch.finish(weights.length), sha256);
  });
});
