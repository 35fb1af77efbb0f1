import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { allowsRange, entityTag, matchesNone } from '../../src/http/entity-tag.ts';
import { MAX_WAIT_SECONDS, preferredWaitSeconds } from '../../src/http/prefer.ts';
import { byteRange } from '../../src/http/send-file.ts';
import fc from '../fast-check.ts';

describe('byteRange', () => {
  it('returns a range inside the file, or the reason why there is none', () => {
    fc.assert(
      fc.property(
        fc.nat(2000),
        fc.nat(3000),
        fc.option(fc.nat(3000), { nil: undefined }),
        (bytes, start, end) => {
          const range = byteRange(`bytes=${start}-${end ?? ''}`, bytes);
          if (end !== undefined && end < start) return assert.equal(range, 'whole');
          if (start >= bytes) return assert.equal(range, 'unsatisfiable');
          assert.deepEqual(range, { start, end: Math.min(end ?? bytes, bytes - 1) });
        },
      ),
    );
  });

  it('returns the last bytes', () => {
    fc.assert(
      fc.property(fc.nat(2000), fc.nat(3000), (bytes, suffix) => {
        const range = byteRange(`bytes=-${suffix}`, bytes);
        if (suffix === 0 || bytes === 0) return assert.equal(range, 'unsatisfiable');
        assert.deepEqual(range, { start: Math.max(bytes - suffix, 0), end: bytes - 1 });
      }),
    );
  });

  it('never fails and never leaves the file, whatever the header', () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^bytes=[-0-9, ]{0,40}$/));
    fc.assert(
      fc.property(text, fc.nat(100), (header, bytes) => {
        const range = byteRange(header, bytes);
        if (typeof range === 'string') return;
        assert.ok(0 <= range.start && range.start <= range.end && range.end < bytes, header);
      }),
    );
  });

  it('reads numbers beyond the size of any file', () => {
    assert.equal(byteRange(`bytes=${'9'.repeat(400)}-`, 10), 'unsatisfiable');
    assert.deepEqual(byteRange(`bytes=0-${'9'.repeat(400)}`, 10), { start: 0, end: 9 });
    assert.equal(byteRange(undefined, 10), 'whole');
  });
});

describe('entity tags', () => {
  it('match weakly where that suffices and strongly where it does not', () => {
    const tag = entityTag('abc');
    assert.equal(tag, '"abc"');
    for (const header of [tag, 'W/"abc"', '"x", "abc"', '"x",W/"abc"', ' * '])
      assert.ok(matchesNone(header, tag), header);
    for (const header of [undefined, '', '"ab"', 'abc', '"ABC"'])
      assert.ok(!matchesNone(header, tag), header);
    assert.ok(allowsRange(undefined, tag) && allowsRange(tag, tag));
    assert.ok(!allowsRange('W/"abc"', tag) && !allowsRange('Wed, 21 Oct 2026 07:28:00 GMT', tag));
  });
});

describe('preferredWaitSeconds', () => {
  it('reads the wait among other preferences', () => {
    const cases: [string | string[] | undefined, number][] = [
      [undefined, 0],
      ['', 0],
      ['respond-async', 0],
      ['wait=10', 10],
      ['WAIT = 10', 10],
      ['wait="10"', 10],
      ['respond-async, wait=7', 7],
      ['return=minimal; x=1, wait=3, wait=9', 3],
      [['respond-async', 'wait=4'], 4],
      ['wait=0', 0],
      ['wait=-1', 0],
      ['wait=1.5', 0],
      ['wait=soon', 0],
      ['await=5', 0],
      ['wait=86400', MAX_WAIT_SECONDS],
    ];
    for (const [header, seconds] of cases)
      assert.equal(preferredWaitSeconds(header), seconds, String(header));
  });
});
