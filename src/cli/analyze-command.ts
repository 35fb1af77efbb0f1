import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatBytes, formatPercent } from '../charts/format.ts';
import type { Analysis, ModuleAnalysis, RankPoint, Recommendation } from '../contract/analysis.ts';
import type { Report } from '../contract/report.ts';
import { counted } from '../errors/counted.ts';
import type { Arguments, Command } from './command.ts';
import { isSet } from './command.ts';
import { EXIT, reportedFailure, UsageError } from './command-error.ts';
import type { Engine } from './engine.ts';
import { formatRange, formatSeconds, formatThreads, minMax, textTable, wrapText } from './format.ts';
import { interruptible } from './interrupt.ts';
import { ENGINE_GROUP, openEngine } from './open-engine.ts';
import { isTextOutput, JSON_OPTION, print, printFailure, printJson } from './output.ts';
import { fileOrFolderName } from './place.ts';
import { ProgressBar } from './progress-bar.ts';
import { optionName } from './squeeze-fields.ts';

/** Up to this rank, every rank is shown; above it, only these steps. */
const MAX_RANKS = 16;
const RANK_STEPS = new Set([
  1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024,
]);
const REASON_WIDTH = 96;
/** How many modules are listed by name without --modules. */
const MAX_NAMES = 5;

export const ANALYZE: Command = {
  name: 'analyze',
  summary: 'Computes the size and energy of every rank, and recommends one.',
  synopsis: ['SOURCE…'],
  about:
    'Decomposes every module by the exact method and writes nothing. On a terminal it prints a table; if the ' +
    'output is not a terminal, it prints the whole report as JSON, one line for each SOURCE.',
  groups: [
    {
      title: 'Output',
      options: [{ name: 'modules', help: 'Also print a table of all modules.' }, JSON_OPTION],
    },
    ENGINE_GROUP,
  ],
  run,
};

async function run(args: Arguments): Promise<number> {
  const folders = args.positionals;
  if (folders.length === 0) throw new UsageError('specify the SOURCE to analyze');
  const engine = openEngine(args);
  try {
    for (const folder of folders)
      engine.check({ sources: [{ folder, weight: 1 }], targets: [], deliver: undefined });
    return await interruptible(async (signal) => {
      let failed = 0;
      for (const folder of folders) {
        try {
          const report = await analyzed(engine, folder, signal);
          if (isTextOutput(args)) print(analysisWords(folder, report, isSet(args, 'modules')));
          else printJson({ folder, ...report });
        } catch (error) {
          signal.throwIfAborted();
          failed++;
          const failure = reportedFailure(error);
          printFailure(failure, folders.length > 1 ? folder : undefined);
          if (!isTextOutput(args)) printJson({ folder, error: failure });
        }
      }
      return failed > 0 ? EXIT.failed : EXIT.ok;
    });
  } finally {
    await engine.close();
  }
}

async function analyzed(engine: Engine, folder: string, signal: AbortSignal): Promise<Report> {
  const workDir = await mkdtemp(join(tmpdir(), 'lora-squeeze-'));
  const bar = new ProgressBar(fileOrFolderName(folder), engine.steps);
  try {
    const { report } = await engine.run(
      { kind: 'analyze', sources: [{ folder, weight: 1 }], targets: [], options: undefined },
      { workDir, onProgress: (progress) => bar.update(progress), signal },
    );
    return report;
  } finally {
    bar.close();
    await rm(workDir, { recursive: true, force: true });
  }
}

/** An analysis as text for people. @param withModules adds a row for every module */
function analysisWords(folder: string, report: Report, withModules: boolean): string {
  const analysis = report.analysis!;
  const { modules, provider, timings, sources } = report;
  const base = sources[0]?.base_model ?? 'a base model without a name';
  const ranks = formatRange(minMax(modules.map(({ rank }) => rank)));
  return [
    `${folder}: ${counted(modules.length, 'module')} of rank ${ranks} on ${base}`,
    '',
    curveTable(analysis),
    '',
    'Recommended',
    recommendation(analysis.uniform),
    recommendation(analysis.budget),
    '',
    ...(withModules ? [moduleTable(report, analysis.modules), ''] : []),
    ...verdicts(analysis.modules),
    `${provider.name}, ${formatThreads(provider)}, ${formatSeconds(timings.total)}`,
    '',
  ].join('\n');
}

function curveTable({ curve, uniform }: Analysis): string {
  const isShown = ({ rank }: RankPoint): boolean =>
    curve.length <= MAX_RANKS || RANK_STEPS.has(rank) || rank === curve.length || rank === uniform.rank.max;
  const rows = curve
    .filter(isShown)
    .map((point) => [
      `${point.rank}${point.rank === uniform.rank.max ? ' *' : '  '}`,
      point.module_relative_error === undefined ? '–' : formatPercent(point.module_relative_error),
      formatPercent(point.relative_error),
      formatPercent(point.worst_module_error),
      point.parameters.toLocaleString('en-US'),
      formatBytes(point.bytes),
    ]);
  return textTable(
    ['>rank  ', '>mean module error', '>relative error', '>worst module', '>parameters', '>size'],
    rows,
  );
}

/** The recommended options for squeezing, and the reason. */
function recommendation({ target, reason }: Recommendation): string {
  const options = Object.entries(target as Record<string, unknown>).map(
    ([field, value]) => `--${optionName(field)} ${value}`,
  );
  return [`  ${options.join(' ')}`, ...wrapText(reason, REASON_WIDTH).map((line) => `    ${line}`)].join(
    '\n',
  );
}

function moduleTable(report: Report, analyses: readonly ModuleAnalysis[]): string {
  const rows = analyses.map(({ name, effective_rank, stable_rank, knee, verdict }, i) => [
    name,
    `${report.modules[i]!.rank}`,
    effective_rank.toFixed(1),
    stable_rank.toFixed(1),
    `${knee}`,
    verdict,
  ]);
  return textTable(['module', '>rank', '>effective', '>stable', '>knee', 'verdict'], rows);
}

function verdicts(modules: readonly ModuleAnalysis[]): string[] {
  const named = (wanted: ModuleAnalysis['verdict']): string[] =>
    modules.filter(({ verdict }) => verdict === wanted).map(({ name }) => name);
  const lines = [
    `${named('compressible').length} of ${counted(modules.length, 'module is', 'modules are')} compressible`,
  ];
  for (const verdict of ['resists', 'dead'] as const) {
    const names = named(verdict);
    if (names.length === 0) continue;
    const more = names.length > MAX_NAMES ? ' …' : '';
    lines.push(
      `${names.length} ${verdict === 'dead' ? 'dead' : names.length === 1 ? 'resists' : 'resist'}: ${names.slice(0, MAX_NAMES).join(', ')}${more}`,
    );
  }
  return lines;
}
