import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Derivation, MatrixSource } from '../../../src/adapter/staging-plan.ts';
import fc from '../../fast-check.ts';
import { gaussianMatrix } from '../../oracle/known-matrices.ts';
import { frobenius, type Matrix, matrix, multiply } from '../../oracle/linear-algebra.ts';
import { computeFixture } from '../../squeeze/compute-fixture.ts';
import { planOf, Source, staging } from '../../squeeze/stage/stage-fixture.ts';
import { collapse, hadamard, kronecker, minus, tucker } from '../../squeeze/stage/updates.ts';

const compute = computeFixture();

/** Stages one derivation of random matrices and compares its factors with ΔW. */
async function assertExact(
  make: (add: (rows: number, columns: number) => ReturnType<Source['add']>) => {
    derivation: Derivation;
    update: Matrix;
  },
): Promise<Matrix[]> {
  const source = new Source();
  try {
    let seed = 1;
    const { derivation, update } = make((rows, columns) =>
      source.add(`matrix ${seed}`, gaussianMatrix(rows, columns, seed++)),
    );
    assert.deepEqual([update.rows, update.columns], [derivation.m, derivation.n]);
    const { tensors, residuals } = await staging(compute.pool, source, planOf([derivation]));
    assert.equal(residuals.size, 0);
    const [b, a] = ['b', 'a'].map((factor) => tensors.get(`${derivation.module}.${factor}`)!) as [
      Matrix,
      Matrix,
    ];
    assert.deepEqual(
      [b.rows, b.columns, a.rows, a.columns],
      [derivation.m, derivation.rank, derivation.rank, derivation.n],
    );
    // Both factors are rounded once: by 2⁻²⁴ of each number.
    const off = frobenius(minus(multiply(b, a), update));
    assert.ok(off <= 2 ** -23 * frobenius(b) * frobenius(a), `off by ${off}`);
    return [b, a];
  } finally {
    source.remove();
  }
}

const size = fc.integer({ min: 1, max: 9 });
const module = 'down_blocks.0.conv';
const RUNS = { numRuns: 25 };

describe('a LoHa', () => {
  it('is the product of its Khatri–Rao products, whatever the shape', async () => {
    await fc.assert(
      fc.asyncProperty(size, size, size, size, async (m, n, r1, r2) => {
        await assertExact((add) => {
          const [w1a, w1b, w2a, w2b] = [add(m, r1), add(r1, n), add(m, r2), add(r2, n)];
          return {
            derivation: {
              ...{ kind: 'hadamard', module, m, n, rank: r1 * r2 },
              ...{ w1a: w1a.entry, w1b: w1b.entry, w2a: w2a.entry, w2b: w2b.entry },
            },
            update: hadamard(multiply(w1a.matrix, w1b.matrix), multiply(w2a.matrix, w2b.matrix)),
          };
        });
      }),
      RUNS,
    );
  });

  it('has every number of its factors rounded only once, even across spans', async () => {
    // 2100 rows of 1024 numbers are more than one span of B.
    const [m, n, r] = [2100, 33, 32];
    let given: Matrix[] = [];
    const [b, a] = await assertExact((add) => {
      const [w1a, w1b, w2a, w2b] = [add(m, r), add(r, n), add(m, r), add(r, n)];
      given = [w1a.matrix, w1b.matrix, w2a.matrix, w2b.matrix];
      return {
        derivation: {
          ...{ kind: 'hadamard', module, m, n, rank: r * r },
          ...{ w1a: w1a.entry, w1b: w1b.entry, w2a: w2a.entry, w2b: w2b.entry },
        },
        update: hadamard(multiply(given[0]!, given[1]!), multiply(given[2]!, given[3]!)),
      };
    });
    const [w1a, w1b, w2a, w2b] = given as [Matrix, Matrix, Matrix, Matrix];
    for (const i of [0, 1, 1023, 1024, 1049, 1050, 1051, 2047, 2048, 2099])
      for (const p of [0, 31])
        for (const q of [0, 17, 31])
          assert.equal(
            b!.data[i * r * r + p * r + q],
            Math.fround(w1a.data[i * r + p]! * w2a.data[i * r + q]!),
          );
    for (const p of [0, 5, 31])
      for (let j = 0; j < n; j++)
        assert.equal(a!.data[(p * r + 3) * n + j], Math.fround(w1b.data[p * n + j]! * w2b.data[3 * n + j]!));
  });

  it('of a convolution with cores is equally exact', async () => {
    const small = fc.integer({ min: 1, max: 5 });
    await fc.assert(
      fc.asyncProperty(
        size,
        size,
        small,
        small,
        small,
        small,
        fc.constantFrom(1, 3, 9),
        async (m, inputs, i1, j1, i2, j2, kernel) => {
          await assertExact((add) => {
            const sides = [
              [i1, j1],
              [i2, j2],
            ].map(([i, j]) => ({ t: add(i!, j! * kernel), a: add(i!, m), b: add(j!, inputs) }));
            const [x, y] = sides.map(({ t, a, b }) => tucker(t.matrix, a.matrix, b.matrix, kernel));
            const [left, right] = sides.map(({ t, a, b }) => ({ t: t.entry, a: a.entry, b: b.entry }));
            return {
              derivation: {
                ...{ kind: 'hadamard-tucker', module, m, n: inputs * kernel, rank: i1 * i2 },
                ...{ kernel, sides: [left!, right!] },
              },
              update: hadamard(x!, y!),
            };
          });
        },
      ),
      RUNS,
    );
  });
});

describe('a LoKr', () => {
  const small = fc.integer({ min: 1, max: 4 });

  it('is exact whichever of its factors are products, at the smallest rank of all its forms', async () => {
    const form = fc.constantFrom('full', 'product' as const);
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(small, small, small, small, small, small),
        form,
        form,
        fc.boolean(),
        fc.boolean(),
        fc.constantFrom(1, 2),
        async ([m1, n1, m2, n2, r1, r2], form1, form2, isLeft1, isLeft2, kernel) => {
          await assertExact((add) => {
            const side = (form: string, rows: number, columns: number, r: number, isLeft: boolean) => {
              if (form === 'full') {
                const { entry, matrix: full } = add(rows, columns);
                return { source: entry as MatrixSource, full, inner: isLeft ? columns : rows };
              }
              const [left, right] = [add(rows, r), add(r, columns)];
              const source: MatrixSource = { left: left.entry, right: right.entry };
              return { source, full: multiply(left.matrix, right.matrix), inner: r };
            };
            const w1 = side(form1, m1, n1, r1, isLeft1);
            const w2 = side(form2, m2, n2 * kernel, r2, isLeft2);
            return {
              derivation: {
                ...{ kind: 'kronecker', module, m: m1 * m2, n: n1 * n2 * kernel, rank: w1.inner * w2.inner },
                ...{ w1: w1.source, w2: w2.source, kernel },
              },
              update: kronecker(w1.full, w2.full),
            };
          });
        },
      ),
      { numRuns: 50 },
    );
  });

  it('with a core is equally exact', async () => {
    await fc.assert(
      fc.asyncProperty(
        small,
        small,
        small,
        small,
        small,
        small,
        fc.constantFrom(1, 9),
        async (m1, n1, m2, inputs, i, j, kernel) => {
          await assertExact((add) => {
            const [w1, t, a, b] = [add(m1, n1), add(i, j * kernel), add(i, m2), add(j, inputs)];
            return {
              derivation: {
                ...{
                  kind: 'kronecker',
                  module,
                  m: m1 * m2,
                  n: n1 * inputs * kernel,
                  rank: Math.min(m1, n1) * i,
                },
                ...{ w1: w1.entry, w2: { t: t.entry, a: a.entry, b: b.entry }, kernel },
              },
              update: kronecker(w1.matrix, tucker(t.matrix, a.matrix, b.matrix, kernel)),
            };
          });
        },
      ),
      RUNS,
    );
  });

  it('is exact if one row of the product with the whole other factor exceeds a span', async () => {
    // B = kron(w1, P): one row of w1 with all of P is 1500·(4·400) numbers.
    await assertExact((add) => {
      const [w1, p, q] = [add(2, 4), add(1500, 400), add(400, 3)];
      return {
        derivation: {
          ...{ kind: 'kronecker', module, m: 3000, n: 12, rank: 1600, kernel: 1 },
          ...{ w1: w1.entry, w2: { left: p.entry, right: q.entry } },
        },
        update: kronecker(w1.matrix, multiply(p.matrix, q.matrix)),
      };
    });
  });
});

describe('a LoCon with a core', () => {
  it('keeps its B and multiplies the core into A', async () => {
    await fc.assert(
      fc.asyncProperty(size, size, size, fc.constantFrom(1, 3, 9), async (m, inputs, rank, kernel) => {
        let up = matrix(0, 0);
        const [b] = await assertExact((add) => {
          const [first, mid, down] = [add(m, rank), add(rank, rank * kernel), add(rank, inputs)];
          up = first.matrix;
          return {
            derivation: {
              ...{ kind: 'tucker', module, m, n: inputs * kernel, rank, kernel },
              ...{ up: first.entry, mid: mid.entry, down: down.entry },
            },
            update: multiply(up, collapse(mid.matrix, down.matrix, kernel)),
          };
        });
        assert.deepEqual(b!.data, up.data);
      }),
      RUNS,
    );
  });
});
