import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { llamaAdapter } from '../adapter/adapter-spec.ts';
import { WEIGHTS } from '../adapter/write-adapter.ts';
import { readOnce, writeOnce } from '../floor/disk-speed.ts';
import { floorPage } from '../floor/floor-page.ts';
import { gemmRate } from '../floor/gemm-rate.ts';
import { operations } from '../floor/operations.ts';
import { measureService } from '../service/measure-service.ts';
import { median } from '../statistics.ts';
import { type Context, type Section, stateDir, withAdapter } from './context.ts';

const SOURCE_RANK = 64;
const DEFAULT_RUNS = 3;
const DISK_RUNS = 3;
const QUICK_LAYERS = 2;

/** How close a whole job comes to the limits of the disk and the cores. */
export function measureFloor(context: Context): Promise<Section> {
  const { quick, rank, runs = quick ? 1 : DEFAULT_RUNS } = context.options;
  const spec = quick ? llamaAdapter(SOURCE_RANK, QUICK_LAYERS) : llamaAdapter(SOURCE_RANK);
  return withAdapter(context, spec, 2, async (adapterDir) => {
    const jobs = new Map<string, number[]>();
    let resultBytes = 0;
    let versions = {};
    for (const method of ['rsvd', 'exact'] as const) {
      context.say(`LoRA-Squeeze ${method}: 1 + ${runs} jobs …`);
      const request = { adapterDir, stateDir: stateDir(context), rank, runs, options: { method } };
      const measured = await measureService(request);
      jobs.set(
        method,
        measured.warm.map(({ total }) => total),
      );
      resultBytes = measured.resultBytes;
      versions = { 'ONNX Runtime': `${measured.provider.onnxruntime} (${measured.provider.name})` };
    }

    context.say('The disk and the cores alone …');
    const { outFeatures, inFeatures } = spec.modules[0]!;
    const weightsPath = join(adapterDir, WEIGHTS);
    const scratchPath = join(context.homeDir, 'disk-speed.bin');
    const measured = {
      readSeconds: await medianOf(() => readOnce(weightsPath)),
      writeSeconds: await medianOf(() => writeOnce(scratchPath, resultBytes)),
      gemmRate: await gemmRate(outFeatures, inFeatures, spec.rank),
    };
    const cores = availableParallelism();
    const work = operations(spec, rank);
    return {
      markdown: floorPage({
        ...measured,
        spec,
        targetRank: rank,
        cores,
        resultBytes,
        operations: work,
        jobs,
      }),
      versions,
    };
  });
}

async function medianOf(measure: () => Promise<number>): Promise<number> {
  const found: number[] = [];
  for (let run = 0; run < DISK_RUNS; run++) found.push(await measure());
  return median(found);
}
