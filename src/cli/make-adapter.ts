import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SucceededResult } from '../contract/job.ts';
import type { Report } from '../contract/report.ts';
import type { Engine, EngineTask, ResultFile } from './engine.ts';
import { OutputFolder, REPORT_FILE } from './output-folder.ts';
import { ProgressBar } from './progress-bar.ts';
import { extent, fixedPercent, fixedSeconds, megabytes, range, threadsOf } from './words.ts';

/** Where a result goes. */
export interface Placement {
  /** Folder of the result; its parents are made. */
  readonly out: string;
  readonly isForced: boolean;
  /** Whether the report goes there too. */
  readonly withReport: boolean;
}

export interface MadeAdapter {
  readonly out: string;
  readonly result: SucceededResult;
  readonly report: Report;
  readonly files: readonly Omit<ResultFile, 'path'>[];
}

/**
 * Does a task and puts its result where it belongs, complete or not at all.
 * @param name for the progress bar
 * @throws as the engine; CommandError OUTPUT_EXISTS; errors of the file system
 */
export async function makeAdapter(
  engine: Engine,
  task: EngineTask,
  { out, isForced, withReport }: Placement,
  name: string,
  signal: AbortSignal,
): Promise<MadeAdapter> {
  signal.throwIfAborted();
  const folder = await OutputFolder.open(out, isForced);
  const bar = new ProgressBar(name, engine.steps);
  try {
    const { workDir } = folder;
    const done = await engine.run(task, { workDir, onProgress: (progress) => bar.update(progress), signal });
    const files = withReport ? [...done.files, await reportFile(done.report, workDir)] : done.files;
    signal.throwIfAborted();
    await folder.publish(files);
    return {
      out,
      result: done.result!,
      report: done.report,
      files: files.map(({ path: _path, ...file }) => file),
    };
  } finally {
    bar.close();
    await folder.close();
  }
}

async function reportFile(report: Report, folder: string): Promise<ResultFile> {
  const path = join(folder, REPORT_FILE);
  const bytes = Buffer.from(`${JSON.stringify(report, null, 2)}\n`);
  await writeFile(path, bytes);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { name: REPORT_FILE, path, sha256, bytes: bytes.length };
}

/** What became of an adapter, for people: a few lines. @param from what it was made of */
export function madeAdapterWords(from: string, { out, result, report }: MadeAdapter): string {
  const { worst_module: worst, module_relative_error: mean, serving, training } = result;
  const { provider, method, timings, sources, modules } = report;
  const ranks = range(extent(modules.map(({ rank }) => rank)));
  const sizes = sources.map(({ bytes }) => megabytes(bytes)).join(' + ');
  const worstWords = worst ? `, worst ${worst.name} ${fixedPercent(worst.relative_error)}` : '';
  return [
    `${from} → ${out}`,
    `  rank ${ranks} → ${range(result.rank)}, ${sizes} → ${megabytes(result.bytes)}`,
    `  energy kept ${fixedPercent(result.energy_retained)}, relative error ${fixedPercent(result.relative_error)}${worstWords}`,
    ...(mean === undefined
      ? []
      : [`  mean module error ${fixedPercent(mean)}, energy kept on average ${fixedPercent(1 - mean ** 2)}`]),
    ...(serving ? [`  ${serving.profile}: ${serving.loads ? 'loads' : 'does not load'}`] : []),
    ...(serving?.rules ?? [])
      .filter(({ passed }) => !passed)
      .map(({ rule, detail }) => `    ${rule}: ${detail}`),
    ...(training
      ? [`  learning rate for training on: times ${training.learning_rate_factor.toPrecision(4)}`]
      : []),
    ...result.warnings.map((warning) => `  note: ${warning}`),
    `  ${method.used}, ${provider.name}, ${threadsOf(provider)}, ${fixedSeconds(timings.total)}`,
  ].join('\n');
}

/** The same for programs. */
export function madeAdapterJson({
  out,
  result,
  report,
  files,
}: MadeAdapter): Readonly<Record<string, unknown>> {
  const { job_id, sources, method, provider, timings, notes } = report;
  return { out, result, files, sources, method, provider, timings, job_id, notes };
}
