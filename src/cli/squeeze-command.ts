import { join, resolve } from 'node:path';
import pLimit from 'p-limit';
import type { Arguments, Command, OptionGroup } from './command.ts';
import { isSet, textOption } from './command.ts';
import { EXIT, reportedFailure, UsageError } from './command-error.ts';
import { createAdapters, printCreated } from './create-adapters.ts';
import type { EngineTask } from './engine.ts';
import { interruptible } from './interrupt.ts';
import { ENGINE_GROUP, openEngine } from './open-engine.ts';
import { isTextOutput, JSON_OPTION, printFailure, printJson } from './output.ts';
import { fileOrFolderName, isPlace, joinFolderOrPlace } from './place.ts';
import { MultiTaskProgress, ProgressBar } from './progress-bar.ts';
import { RESULT_GROUP, readResults } from './result-fields.ts';
import { readMethod, readTargets, TARGET_GROUPS } from './squeeze-fields.ts';

export const OUTPUT_GROUP: OptionGroup = {
  title: 'Output',
  options: [
    {
      name: 'out',
      value: 'DIR',
      help: 'Where the result goes: a folder, or with --server a sink such as s3://bucket/folder.',
    },
    { name: 'force', help: 'Replace an earlier result.' },
    { name: 'report', help: 'Also write report.json with every module, spectrum and error.' },
    JSON_OPTION,
  ],
};

export const SQUEEZE: Command = {
  name: 'squeeze',
  summary: 'Squeezes adapters to a smaller rank.',
  synopsis: ['SOURCE… (--rank N | --energy SHARE | … | --profile NAME) [--out DIR]'],
  about:
    'A SOURCE is a folder with one weights file (and adapter_config.json for PEFT and MLX), or a single ' +
    '.safetensors or .gguf file; with --server also a URL from which the server fetches it (s3://…, hf://…, ' +
    'https://…). The result goes to SOURCE-squeezed next to SOURCE, or to --out DIR. With several SOURCEs, or if ' +
    'DIR ends with a slash, each result goes to DIR/SOURCE; with several ranks, to r4, r8, … in that folder. A ' +
    'result appears complete or not at all. Several SOURCEs are processed at the same time and reported in the order given. ' +
    'If one fails, the others are still processed.',
  groups: [...TARGET_GROUPS, OUTPUT_GROUP, ENGINE_GROUP, RESULT_GROUP],
  run,
};

interface Place {
  readonly folder: string;
  readonly out: string;
}

async function run(args: Arguments): Promise<number> {
  const places = placesOf(args.positionals, textOption(args, 'out'));
  const targets = readTargets(args.values);
  const options = readMethod(args.values);
  const results = readResults(args);
  const engine = openEngine(args);
  try {
    for (const { folder, out } of places)
      engine.check({ sources: [{ folder, weight: 1 }], targets, deliver: out });
    return await interruptible(async (signal) => {
      const several = places.length > 1 ? new MultiTaskProgress(places.length, engine.steps) : undefined;
      try {
        const limit = pLimit(engine.tasksAtOnce);
        const ends = places.map(({ folder, out }) =>
          limit((): Promise<End> => {
            const task: EngineTask = {
              ...{ kind: 'squeeze', sources: [{ folder, weight: 1 }] },
              ...{ targets, options, results },
            };
            const placement = { out, isForced: isSet(args, 'force'), withReport: isSet(args, 'report') };
            const progress = several?.task() ?? new ProgressBar(fileOrFolderName(folder), engine.steps);
            return ended(createAdapters(engine, task, placement, progress, signal));
          }),
        );
        let failed = 0;
        for (const [index, end] of ends.entries()) {
          const { folder } = places[index]!;
          const reached = await end;
          // Complete results are reported; interrupted tasks have cleaned up after themselves.
          if (signal.aborted && !('created' in reached)) continue;
          const reportEnd = (): boolean => printEnd(folder, reached, places.length > 1, isTextOutput(args));
          if (!(several ? several.aside(reportEnd) : reportEnd())) failed++;
        }
        signal.throwIfAborted();
        return failed > 0 ? EXIT.failed : EXIT.ok;
      } finally {
        several?.close();
      }
    });
  } finally {
    await engine.close();
  }
}

/** The outcome of one source. */
type End = { readonly created: Awaited<ReturnType<typeof createAdapters>> } | { readonly error: unknown };

const ended = (creation: ReturnType<typeof createAdapters>): Promise<End> =>
  creation.then(
    (all) => ({ created: all }),
    (error: unknown) => ({ error }),
  );

/**
 * Reports the outcome of a source.
 * @param isOneOfSeveral whether a failure names the source
 * @returns whether it succeeded
 */
function printEnd(folder: string, end: End, isOneOfSeveral: boolean, asText: boolean): boolean {
  if ('created' in end) return printCreated(folder, { folder }, end.created, asText);
  const failure = reportedFailure(end.error);
  printFailure(failure, isOneOfSeveral ? folder : undefined);
  if (!asText) printJson({ folder, error: failure });
  return false;
}

/**
 * The destination of each source's result.
 * @throws UsageError if there is no source, or if two results would have the same destination
 */
function placesOf(folders: readonly string[], out: string | undefined): Place[] {
  if (folders.length === 0) throw new UsageError('specify the SOURCE to squeeze');
  const isParent = folders.length > 1 || out?.endsWith('/');
  const places = folders.map((folder) => ({ folder, out: outOf(folder) }));
  const taken = new Map<string, string>();
  for (const place of places) {
    const key = isPlace(place.out) ? place.out : resolve(place.out);
    const other = taken.get(key);
    if (other !== undefined) {
      throw new UsageError(`the results of ${other} and ${place.folder} would both go to ${place.out}`);
    }
    taken.set(key, place.folder);
  }
  return places;

  function outOf(folder: string): string {
    const name = fileOrFolderName(folder);
    if (out === undefined && isPlace(folder))
      throw new UsageError(`specify a folder or URL for the result of ${folder} (--out DIR)`);
    if (out === undefined) return join(folder, '..', `${name}-squeezed`);
    return isParent ? joinFolderOrPlace(out, name) : out;
  }
}
