import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { REPORT_FILE } from '../adapter/file-names.ts';
import { formatBytes, formatPercent } from '../charts/format.ts';
import type { SucceededResult } from '../contract/job.ts';
import type { Report } from '../contract/report.ts';
import type { Target } from '../contract/target.ts';
import type { ReportedFailure } from './command-error.ts';
import type { Engine, EngineTask, ResultFile, StepProgress } from './engine.ts';
import { withFlagNames } from './flag-names.ts';
import { formatRange, formatSeconds, formatThreads, minMax } from './format.ts';
import { print, printFailure, printJson } from './output.ts';
import { OutputFolder } from './output-folder.ts';
import { isPlace, joinFolderOrPlace } from './place.ts';
import type { TaskProgress } from './progress-bar.ts';

/** The destination of results. */
export interface OutputOptions {
  /**
   * The folder of the result, whose parents are created, or a sink to which the server delivers it. Several
   * targets have a folder each in it.
   */
  readonly out: string;
  readonly isForced: boolean;
  /** Whether the report is written there as well. */
  readonly withReport: boolean;
}

export interface CreatedAdapter {
  readonly out: string;
  readonly result: SucceededResult;
  readonly report: Report;
  readonly files: readonly Omit<ResultFile, 'path'>[];
}

/** A target that failed while others of its task succeeded. */
export interface FailedTarget {
  readonly out: string;
  readonly error: ReportedFailure;
}

/**
 * Does a task and puts each result in its place, either completely or not at all.
 * @param progress is closed at the end
 * @throws as the engine; CommandError OUTPUT_EXISTS; errors of the file system
 */
export async function createAdapters(
  engine: Engine,
  task: EngineTask,
  placement: OutputOptions,
  progress: TaskProgress,
  signal: AbortSignal,
): Promise<(CreatedAdapter | FailedTarget)[]> {
  const outs = outputFolders(placement.out, task.targets);
  if (isPlace(placement.out))
    return deliveredTo(outs, engine, { ...task, deliver: placement.out }, progress, signal);
  const folders: OutputFolder[] = [];
  try {
    signal.throwIfAborted();
    for (const out of outs) folders.push(await OutputFolder.open(out, placement.isForced));
    const { workDir } = folders[0]!;
    const onProgress = (step: StepProgress): void => progress.update(step);
    const { report, targets } = await engine.run(task, { workDir, onProgress, signal });
    const results: (CreatedAdapter | FailedTarget)[] = [];
    for (const [index, target] of targets.entries()) {
      const out = outs[index]!;
      if (target.state === 'failed') {
        results.push({ out, error: target.error });
        continue;
      }
      const { result } = target;
      const files = placement.withReport
        ? [...target.files, await reportFile(report, folders[index]!.workDir)]
        : target.files;
      signal.throwIfAborted();
      await folders[index]!.publish(files);
      results.push({ out, result, report, files: files.map(({ path: _path, ...file }) => file) });
    }
    return results;
  } finally {
    progress.close();
    for (const folder of folders.reverse()) await folder.close();
  }
}

/** The same for results that a server delivers: nothing is downloaded. */
async function deliveredTo(
  outs: readonly string[],
  engine: Engine,
  task: EngineTask,
  progress: TaskProgress,
  signal: AbortSignal,
): Promise<(CreatedAdapter | FailedTarget)[]> {
  let workDir: string | undefined;
  try {
    signal.throwIfAborted();
    workDir = await mkdtemp(join(tmpdir(), 'lora-squeeze-'));
    const onProgress = (step: StepProgress): void => progress.update(step);
    const { report, targets, deliveries } = await engine.run(task, { workDir, onProgress, signal });
    return targets.map((target, index) => {
      const out = outs[index]!;
      if (target.state === 'failed') return { out, error: target.error };
      const delivery = deliveries.find((each) => each.target === index);
      if (delivery?.error) return { out, error: delivery.error };
      return { out, result: target.result, report, files: delivery?.files ?? [] };
    });
  } finally {
    progress.close();
    if (workDir !== undefined) await rm(workDir, { recursive: true, force: true });
  }
}

/**
 * The folders of targets: a single target uses the given folder itself; several, which differ by their ranks, have a
 * folder each in it, named as servers do.
 */
const outputFolders = (out: string, targets: readonly Target[]): string[] =>
  targets.length > 1
    ? targets.map((target) => joinFolderOrPlace(out, `r${'rank' in target ? target.rank : ''}`))
    : [out];

async function reportFile(report: Report, folder: string): Promise<ResultFile> {
  const path = join(folder, REPORT_FILE);
  const bytes = Buffer.from(`${JSON.stringify(report, null, 2)}\n`);
  await writeFile(path, bytes);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { name: REPORT_FILE, path, sha256, bytes: bytes.length };
}

/**
 * Reports the outcome of a task and of each of its targets.
 * @returns whether all of them succeeded
 */
export function printCreated(
  from: string,
  moreFields: Readonly<Record<string, unknown>>,
  results: readonly (CreatedAdapter | FailedTarget)[],
  asText: boolean,
): boolean {
  for (const each of results) {
    if ('error' in each) {
      const { code, detail, context } = each.error;
      const error = { code, detail: withFlagNames(detail), ...(context && { context }) };
      printFailure(error, each.out);
      if (!asText) printJson({ ...moreFields, out: each.out, error });
    } else if (asText) print(describeCreated(from, each));
    else printJson({ ...moreFields, ...createdJson(each) });
  }
  return results.every((each) => !('error' in each));
}

/** The outcome of an adapter in a few lines for people. @param from the name of its source */
function describeCreated(from: string, { out, result, report }: CreatedAdapter): string {
  const { worst_module: worst, module_relative_error: mean, serving, training } = result;
  const { provider, method, timings, sources, modules } = report;
  const ranks = formatRange(minMax(modules.map(({ rank }) => rank)));
  const sizes = sources.map(({ bytes }) => formatBytes(bytes)).join(' + ');
  const worstWords = worst ? `, worst ${worst.name} ${formatPercent(worst.relative_error)}` : '';
  return [
    `${from} → ${out}`,
    `  rank ${ranks} → ${formatRange(result.rank)}, ${sizes} → ${formatBytes(result.bytes)}`,
    `  energy kept ${formatPercent(result.energy_retained)}, relative error ${formatPercent(result.relative_error)}${worstWords}`,
    ...(mean === undefined
      ? []
      : [
          `  mean module error ${formatPercent(mean)}, energy kept on average ${formatPercent(1 - mean ** 2)}`,
        ]),
    ...(serving ? [`  ${serving.profile}: ${serving.loads ? 'loads' : 'does not load'}`] : []),
    ...(serving?.rules ?? [])
      .filter(({ passed }) => !passed)
      .map(({ rule, detail }) => `    ${rule}: ${detail}`),
    ...(training
      ? [
          `  for further training, multiply the learning rate by ${training.learning_rate_factor.toPrecision(4)}`,
        ]
      : []),
    ...result.warnings.map((warning) => `  note: ${warning}`),
    `  ${method.used}, ${provider.name}, ${formatThreads(provider)}, ${formatSeconds(timings.total)}`,
  ].join('\n');
}

/** The outcome of an adapter for programs. */
function createdJson({ out, result, report, files }: CreatedAdapter): Readonly<Record<string, unknown>> {
  const { job_id, sources, method, provider, timings, notes } = report;
  return { out, result, files, sources, method, provider, timings, job_id, notes };
}
