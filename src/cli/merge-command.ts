import { basename, resolve } from 'node:path';
import { MergeSource } from '../contract/job-request.ts';
import type { Arguments, Command } from './command.ts';
import { isSet, textOption } from './command.ts';
import { EXIT, reportedFailure, UsageError } from './command-error.ts';
import { createAdapters, printCreated } from './create-adapters.ts';
import type { EngineTask } from './engine.ts';
import { type FieldSchema, fieldValue } from './field-value.ts';
import { interruptible } from './interrupt.ts';
import { ENGINE_GROUP, openEngine } from './open-engine.ts';
import { isTextOutput, printFailure, printJson } from './output.ts';
import { ProgressBar } from './progress-bar.ts';
import { RESULT_GROUP, readResults } from './result-fields.ts';
import { OUTPUT_GROUP } from './squeeze-command.ts';
import { readMethod, readTargets, TARGET_GROUPS } from './squeeze-fields.ts';

/** The limit of the API. */
const MAX_SOURCES = 32;
const WEIGHT = MergeSource.properties.weight as FieldSchema;
/** A source and its weight, which is a number after the last colon. */
const WEIGHTED = /^(.+):([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)$/i;

export const MERGE: Command = {
  name: 'merge',
  summary: 'Adds adapters of one base model, and squeezes the sum.',
  synopsis: ['SOURCE[:WEIGHT]… (--rank N | … | --profile NAME) --out DIR'],
  about:
    'Adds up to 32 adapters of any ranks, each multiplied by its WEIGHT (default 1). The result goes to --out DIR ' +
    'and appears complete or not at all.',
  groups: [...TARGET_GROUPS, OUTPUT_GROUP, ENGINE_GROUP, RESULT_GROUP],
  run,
};

async function run(args: Arguments): Promise<number> {
  const sources = args.positionals.map(sourceOf);
  if (sources.length === 0 || sources.length > MAX_SOURCES) {
    throw new UsageError(`specify 1 to ${MAX_SOURCES} SOURCEs to add, not ${sources.length}`);
  }
  const out = textOption(args, 'out');
  if (out === undefined) throw new UsageError('specify the folder for the sum (--out DIR)');
  const targets = readTargets(args.values);
  const options = readMethod(args.values);
  const task: EngineTask = { kind: 'merge', sources, targets, options, results: readResults(args) };
  const placement = { out, isForced: isSet(args, 'force'), withReport: isSet(args, 'report') };
  const engine = openEngine(args);
  try {
    engine.check({ ...task, deliver: out });
    return await interruptible(async (signal) => {
      try {
        const progress = new ProgressBar(basename(resolve(out)), engine.steps);
        const created = await createAdapters(engine, task, placement, progress, signal);
        const from = args.positionals.join(' + ');
        return printCreated(from, { folders: sources }, created, isTextOutput(args)) ? EXIT.ok : EXIT.failed;
      } catch (error) {
        signal.throwIfAborted();
        const failure = reportedFailure(error);
        printFailure(failure);
        if (!isTextOutput(args)) printJson({ folders: sources, error: failure });
        return EXIT.failed;
      }
    });
  } finally {
    await engine.close();
  }
}

function sourceOf(argument: string): EngineTask['sources'][number] {
  const [, folder, weight] = WEIGHTED.exec(argument) ?? [];
  if (folder === undefined || weight === undefined) return { folder: argument, weight: 1 };
  return { folder, weight: fieldValue(`the weight of ${folder}`, weight, WEIGHT) as number };
}
