import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { decodeUnits, type EncodedDtype } from '../../../src/core/encodings.ts';
import { runPythonWithPackages, skipWithoutPython } from '../../clients/python.ts';

const BYTES = Uint8Array.from({ length: 256 }, (_, byte) => byte);

describe('torch decodes like us', { skip: skipWithoutPython('torch') }, () => {
  it('all 8-bit floats', async () => {
    const script = join(import.meta.dirname, 'decode_with_torch.py');
    const decoded = await runPythonWithPackages<Record<string, (number | string | null)[]>>(script);
    assert.equal(Object.keys(decoded).length, 4);
    for (const [dtype, expected] of Object.entries(decoded)) {
      const found = [...decodeUnits(dtype as EncodedDtype, BYTES)].map((number) => {
        if (Number.isNaN(number)) return null;
        return Number.isFinite(number) ? number : number > 0 ? 'inf' : '-inf';
      });
      // deepEqual distinguishes −0 from 0, as it should.
      assert.deepEqual(found, expected, dtype);
    }
  });
});
