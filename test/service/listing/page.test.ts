import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { turnedDigits, turnedTime } from '../../../src/service/layout.ts';
import { cursorOf, placeOf } from '../../../src/service/listing/cursor.ts';
import { hasLabels, wantedLabel } from '../../../src/service/listing/label-filter.ts';
import { type Listing, MAX_LOOKS, type PageRequest, readPage } from '../../../src/service/listing/page.ts';
import fc from '../../fast-check.ts';

/** A listing of items at these times, each with its time and its number as the key, and a count of what is read. */
function listingOf(times: readonly number[], isWanted?: (number: number) => boolean) {
  const keys = times.map((ms, number) => `p/${turnedTime(ms)}-${String(number).padStart(6, '0')}`).sort();
  const looked: string[] = [];
  const listing: Listing<number> = {
    prefix: 'p/',
    timedKey: (turned) => turned,
    keys: async (after, limit) => keys.filter((key) => key > after).slice(0, limit),
    read: async (key) => {
      looked.push(key);
      const number = Number(key.slice(-6));
      return !isWanted || isWanted(number) ? number : undefined;
    },
    isFiltered: isWanted !== undefined,
  };
  return { listing, looked, keys };
}

/** All items, page by page. */
async function all(
  listing: Listing<number>,
  request: PageRequest,
): Promise<{ items: number[]; pages: number }> {
  const items: number[] = [];
  for (let pages = 1, after = request.after; ; pages++) {
    const page = await readPage(listing, { ...request, after });
    assert.ok(page.items.length <= request.limit);
    items.push(...page.items);
    if (page.next === null) return { items, pages };
    after = page.next;
  }
}

const times = fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 80 });
const bound = fc.option(fc.integer({ min: -5, max: 65 }), { nil: undefined });

describe('readPage', () => {
  it('gives every item that fits, once, the newest first, in pages of any size', async () => {
    await fc.assert(
      fc.asyncProperty(
        times,
        fc.integer({ min: 1, max: 30 }),
        bound,
        bound,
        fc.integer({ min: 1, max: 4 }),
        async (when, limit, createdAfterMs, createdBeforeMs, modulus) => {
          const isWanted = (number: number) => number % modulus === 0;
          const { listing, keys } = listingOf(when, modulus === 1 ? undefined : isWanted);
          const expected = keys
            .map((key) => Number(key.slice(-6)))
            .filter(isWanted)
            .filter((number) => createdAfterMs === undefined || when[number]! > createdAfterMs)
            .filter((number) => createdBeforeMs === undefined || when[number]! < createdBeforeMs);
          const { items } = await all(listing, { limit, createdAfterMs, createdBeforeMs });
          assert.deepEqual(items, expected);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('does not promise another page where there is none', async () => {
    for (const count of [0, 1, 49, 50, 51, 100]) {
      const { listing } = listingOf(Array.from({ length: count }, (_, index) => index));
      const { pages } = await all(listing, { limit: 50 });
      assert.equal(pages, Math.max(1, Math.ceil(count / 50)), `${count} items`);
    }
  });

  it('reads what it gives and little more, and jumps to a time', async () => {
    const { listing, looked } = listingOf(Array.from({ length: 5_000 }, (_, index) => index * 10));
    const page = await readPage(listing, { limit: 20, createdBeforeMs: 10_005 });
    assert.deepEqual(
      page.items,
      Array.from({ length: 20 }, (_, index) => 1_000 - index),
    );
    assert.equal(looked.length, 20);
  });

  it('looks at a thousand at most when few match, and leads on', async () => {
    const { listing, looked } = listingOf(
      Array.from({ length: 2_500 }, (_, index) => index),
      (number) => number === 3,
    );
    const page = await readPage(listing, { limit: 10 });
    assert.deepEqual([page.items.length, looked.length], [0, MAX_LOOKS]);
    assert.deepEqual(await all(listing, { limit: 10 }), { items: [3], pages: 3 });
  });

  it('stops looking when the page is full', async () => {
    const { listing, looked } = listingOf(
      Array.from({ length: 900 }, (_, index) => index),
      () => true,
    );
    await readPage(listing, { limit: 10 });
    assert.ok(looked.length <= 50);
  });

  it('is not disturbed by what comes and goes between two pages', async () => {
    const before = listingOf([10, 20, 30, 40, 50, 60]);
    const first = await readPage(before.listing, { limit: 3 });
    const keys = before.keys.filter((key) => !key.endsWith('000003') && !key.endsWith('000001'));
    keys.push(`p/${turnedTime(70)}-000009`);
    const after: Listing<number> = {
      ...before.listing,
      keys: async (from, limit) =>
        keys
          .sort()
          .filter((key) => key > from)
          .slice(0, limit),
    };
    const rest = await readPage(after, { limit: 3, after: first.next! });
    assert.deepEqual([...first.items, ...rest.items], [5, 4, 3, 2, 0]);
  });
});

describe('a cursor', () => {
  const FORM = /^[0-9a-f]{4}$/;

  it('names a place of its own list', () => {
    assert.equal(placeOf(cursorOf('0a1b'), FORM), '0a1b');
    assert.match(cursorOf('jobs/~?>'), /^[A-Za-z0-9_-]+$/, 'and needs no escaping in URLs');
  });

  it('is refused when it is none, whatever it is', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(!FORM.test(Buffer.from(text, 'base64url').toString('latin1')));
        assert.throws(() => placeOf(text, FORM), { code: 'VALIDATION_FAILED' });
      }),
    );
    for (const forged of [
      `${cursorOf('0a1b')}=`,
      `${cursorOf('0a1b')} `,
      cursorOf('../x'),
      cursorOf('0a1b\n'),
    ])
      assert.throws(() => placeOf(forged, FORM), { code: 'VALIDATION_FAILED' }, forged);
  });
});

describe('a label to look for', () => {
  it('is a name and a text, which may have colons', () => {
    assert.deepEqual(wantedLabel('team:search'), { name: 'team', text: 'search' });
    assert.deepEqual(wantedLabel('url:http://x:1'), { name: 'url', text: 'http://x:1' });
    assert.deepEqual(wantedLabel('empty:'), { name: 'empty', text: '' });
  });

  it('has to be there, each of several', () => {
    const labels = { a: '1', b: '' };
    assert.ok(hasLabels(labels, []));
    assert.ok(hasLabels(labels, [wantedLabel('a:1'), wantedLabel('b:')]));
    assert.ok(!hasLabels(labels, [wantedLabel('a:1'), wantedLabel('c:')]));
    assert.ok(!hasLabels(labels, [wantedLabel('constructor:')]));
  });
});

describe('turned times', () => {
  it('sort the newest first, and turn back', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 31), fc.nat(2 ** 31), (x, y) => {
        fc.pre(x !== y);
        assert.equal(x > y, turnedTime(x) < turnedTime(y));
        assert.equal(Number.parseInt(turnedDigits(turnedTime(x)), 16), x);
      }),
    );
  });
});
