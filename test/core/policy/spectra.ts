import fc from '../../fast-check.ts';

/** Realistic spectra: descending, of any size and steepness, some with a tail of zeros. */
export const spectra = fc
  .tuple(
    fc.array(fc.double({ min: 0, max: 6, noNaN: true }), { minLength: 1, maxLength: 40 }),
    fc.nat(3),
    fc.integer({ min: -30, max: 30 }),
  )
  .map(([exponents, zeros, size]) =>
    Float64Array.from(
      [...exponents.map((exponent) => 10 ** (size - exponent)), ...Array<number>(zeros).fill(0)].sort(
        (x, y) => y - x,
      ),
    ),
  );

/** A power of two: multiplying by it changes no digit, so that even ties are decided the same way. */
export const scales = fc.integer({ min: -100, max: 100 }).map((exponent) => 2 ** exponent);

/** n equal singular values. */
export const flat = (n: number): Float64Array => new Float64Array(n).fill(3);

/** 1, 1/q, 1/q², … */
export const steep = (n: number, q: number): Float64Array =>
  Float64Array.from({ length: n }, (_, i) => q ** -i);
