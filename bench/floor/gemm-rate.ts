import { GraphBuilder } from '../../src/core/onnx/graph-builder.ts';
import { float64, Session } from '../../src/engine/ort.ts';
import { random } from '../adapter/random.ts';

const BATCHES = 8;
const BATCH_MS = 150;

/**
 * Floating point operations per second of one core: BᵀB and AAᵀ in float64 through ONNX Runtime, B [m, r] and
 * A [r, n]. The best of several batches, because a limit is what the machine can do, not its average.
 */
export async function gemmRate(m: number, n: number, r: number): Promise<number> {
  const graph = new GraphBuilder('gemm_rate');
  const b = graph.input('b', 'double', ['m', 'r']);
  const a = graph.input('a', 'double', ['r', 'n']);
  graph.output('gram_b', graph.op('Gemm', [b, b], { transA: { int: 1 } }), 'double', ['r', 'r']);
  graph.output('gram_a', graph.op('Gemm', [a, a], { transB: { int: 1 } }), 'double', ['r', 'r']);
  const session = await Session.create(graph.build(), 'cpu');
  try {
    const next = random(1);
    const noise = (length: number) => Float64Array.from({ length }, () => next() - 0.5);
    const inputs = { b: float64(noise(m * r), [m, r]), a: float64(noise(r * n), [r, n]) };
    const operations = 2 * (m + n) * r * r;
    let best = 0;
    for (let batch = 0; batch < BATCHES; batch++) {
      const startedMs = performance.now();
      let runs = 0;
      let elapsedMs = 0;
      while (elapsedMs < BATCH_MS) {
        await session.run(inputs);
        runs++;
        elapsedMs = performance.now() - startedMs;
      }
      best = Math.max(best, (1000 * runs * operations) / elapsedMs);
    }
    return best;
  } finally {
    await session.release();
  }
}
