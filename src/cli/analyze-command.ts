import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Report } from '../contract/report.ts';
import { analysisWords } from './analysis-words.ts';
import { isSet } from './arguments.ts';
import type { Arguments, Command } from './command.ts';
import { EXIT, failureOf, UsageError } from './command-error.ts';
import type { Engine } from './engine.ts';
import { interruptible } from './interrupt.ts';
import { ENGINE_GROUP, openEngine } from './open-engine.ts';
import { isForPeople, JSON_OPTION, print, printFailure, printJson } from './output.ts';
import { ProgressBar } from './progress-bar.ts';
import { sourceName } from './source-folder.ts';

export const ANALYZE: Command = {
  name: 'analyze',
  summary: 'Says what every rank would cost and keep, and recommends one.',
  synopsis: ['SOURCE…'],
  about:
    'Takes every module apart by the exact method and writes nothing. On a terminal it prints a table, elsewhere the ' +
    'whole report as JSON, one line for each SOURCE.',
  groups: [
    {
      title: 'Output',
      options: [{ name: 'modules', help: 'A table of all modules as well.' }, JSON_OPTION],
    },
    ENGINE_GROUP,
  ],
  run,
};

async function run(args: Arguments): Promise<number> {
  const folders = args.positionals;
  if (folders.length === 0) throw new UsageError('say which SOURCE to analyze');
  const engine = openEngine(args);
  try {
    return await interruptible(async (signal) => {
      let failed = 0;
      for (const folder of folders) {
        try {
          const report = await analyzed(engine, folder, signal);
          if (isForPeople(args)) print(analysisWords(folder, report, isSet(args, 'modules')));
          else printJson({ folder, ...report });
        } catch (error) {
          signal.throwIfAborted();
          failed++;
          const failure = failureOf(error);
          printFailure(failure, folders.length > 1 ? folder : undefined);
          if (!isForPeople(args)) printJson({ folder, error: failure });
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
  const bar = new ProgressBar(sourceName(folder), engine.steps);
  try {
    const { report } = await engine.run(
      { kind: 'analyze', sources: [{ folder, weight: 1 }], target: null, options: undefined },
      { workDir, onProgress: (progress) => bar.update(progress), signal },
    );
    return report;
  } finally {
    bar.close();
    await rm(workDir, { recursive: true, force: true });
  }
}
