import fc from '../fast-check.ts';

/** One change of bytes: `at` is a share of their length. */
export interface Damage {
  readonly kind: 'flip' | 'cut' | 'repeat' | 'end' | 'insert' | 'number';
  readonly at: number;
  readonly amount: number;
}

const share = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });

/** Flipped, removed, repeated or inserted bytes, an early end; extreme numbers in little-endian. */
export const damages = (maxLength = 3): fc.Arbitrary<Damage[]> =>
  fc.array(
    fc.record({
      kind: fc.constantFrom('flip', 'flip', 'cut', 'repeat', 'end', 'insert', 'number'),
      at: share,
      amount: fc.integer({ min: 1, max: 255 }),
    }),
    { minLength: 1, maxLength },
  );

const NUMBERS = [0n, 1n, 0x7fffffffn, 0xffffffffn, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];

export function damaged(bytes: Buffer, list: readonly Damage[]): Buffer {
  return list.reduce((body, { kind, at, amount }) => {
    const here = Math.floor(at * body.length);
    const [before, after] = [body.subarray(0, here), body.subarray(here)];
    if (kind === 'end') return before;
    if (kind === 'cut') return Buffer.concat([before, after.subarray(amount)]);
    if (kind === 'repeat') return Buffer.concat([before, after.subarray(0, amount), after]);
    if (kind === 'insert') return Buffer.concat([before, Buffer.alloc(1 + (amount % 9), amount), after]);
    const copy = Buffer.from(body);
    if (kind === 'flip' && here < copy.length) copy[here]! ^= amount;
    if (kind === 'number' && here + 8 <= copy.length)
      copy.writeBigUInt64LE(NUMBERS[amount % NUMBERS.length]!, here);
    return copy;
  }, bytes);
}
