import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { factorBytes } from '../adapter/adapter-spec.ts';
import { measureService } from '../service/measure-service.ts';
import { median } from '../statistics.ts';
import { workFigure } from '../work/work-figure.ts';
import { type MeasuredSeries, workPage } from '../work/work-page.ts';
import { type WorkPoint, workSeries } from '../work/work-points.ts';
import { type Context, type Section, stateDir, withAdapter } from './context.ts';

const DEFAULT_RUNS = 3;

/**
 * Seconds and memory of a whole job as a function of its work. Each point is measured with a new service, so each has
 * its own memory peak.
 */
export async function measureWork(context: Context): Promise<Section> {
  const { quick, huge } = context.options;
  const measured: MeasuredSeries[] = [];
  let versions = {};
  for (const series of workSeries(quick ? 'quick' : huge ? 'huge' : 'default')) {
    context.say(series.title);
    const points = [];
    for (const point of series.points) {
      const { provider, ...numbers } = await measurePoint(context, point);
      versions = { 'ONNX Runtime': `${provider.onnxruntime} (${provider.name})` };
      points.push({ ...point, ...numbers });
    }
    measured.push({ ...series, points });
  }
  const figurePath = resolve(context.repositoryDir, figureOf(context));
  await mkdir(dirname(figurePath), { recursive: true });
  await writeFile(figurePath, workFigure(measured));
  const link = relative(join(context.repositoryDir, 'docs'), figurePath);
  return { markdown: workPage(measured, link), versions };
}

const figureOf = ({ options: { figure, quick } }: Context) =>
  figure ?? (quick ? 'data/bench/bench-work.svg' : 'docs/figures/bench-work.svg');

function measurePoint(context: Context, { spec, targetRank }: WorkPoint) {
  const { quick, runs = quick ? 1 : DEFAULT_RUNS } = context.options;
  // The service keeps the upload and the result of each job.
  const copies = 1 + ((1 + runs) * targetRank) / spec.rank;
  return withAdapter(context, spec, copies, async (adapterDir) => {
    const request = { adapterDir, stateDir: stateDir(context), rank: targetRank, runs };
    const { warm, computePeakBytes, provider } = await measureService(request);
    const totals = warm.map(({ total }) => total);
    context.say(`  ${spec.name}: ${median(totals).toFixed(3)} s`);
    return { bytes: factorBytes(spec), totals, peakBytes: computePeakBytes, provider };
  });
}
