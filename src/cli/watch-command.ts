import { setTimeout as sleep } from 'node:timers/promises';
import type { BatchRecord } from '../contract/batch.ts';
import type { JobRecord } from '../contract/job.ts';
import type { Arguments, Command } from './command.ts';
import { textOption } from './command.ts';
import { EXIT, UsageError } from './command-error.ts';
import { describeOutcome, hasEnded, progressShare } from './job-text.ts';
import { onServer } from './jobs-command.ts';
import { isTextOutput, JSON_OPTION, print, printJson } from './output.ts';
import { describePhase } from './phases.ts';
import { ShareBar } from './progress-bar.ts';
import type { ServerClient } from './server-client.ts';
import { SERVER_GROUP } from './server-options.ts';

/** Pauses between two requests; they grow the longer it takes. */
const FIRST_POLL_MS = 250;
const MAX_POLL_MS = 2000;
const POLL_GROWTH = 1.2;

export const WATCH: Command = {
  name: 'watch',
  summary: 'Follows jobs or a batch of a server until they end.',
  synopsis: ['JOB…', '--batch ID'],
  about:
    'On a terminal, shows a bar with the phase and the time left, and a line for each job that has ended. ' +
    'If the output is not a terminal, it prints a line of JSON for each change; the last line of a job or batch is the complete ' +
    'record. Exits with 0 if all have succeeded, otherwise with 1. Ctrl-C ends the command but not the ' +
    'jobs.',
  groups: [
    {
      title: 'Selection',
      options: [{ name: 'batch', value: 'ID', help: 'Follow this batch instead of jobs.' }],
    },
    { title: 'Output', options: [JSON_OPTION] },
    SERVER_GROUP,
  ],
  run(args) {
    const batch = textOption(args, 'batch');
    const ids = args.positionals;
    if ((batch === undefined) === (ids.length === 0))
      throw new UsageError('specify one or more JOBs, or --batch ID');
    return onServer(args, async (client, signal) => {
      const isGood =
        batch === undefined
          ? await watchJobs(args, client, signal)
          : await watchBatch(args, client, batch, signal);
      return isGood ? EXIT.ok : EXIT.failed;
    });
  },
};

async function watchJobs(args: Arguments, client: ServerClient, signal: AbortSignal): Promise<boolean> {
  const ids = [...new Set(args.positionals)];
  const jobs = new Map<string, JobRecord>();
  const bar = new ShareBar(ids.length === 1 ? ids[0]! : `${ids.length} jobs`, describePhase('waiting'));
  try {
    for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(POLL_GROWTH * pollMs, MAX_POLL_MS)) {
      for (const id of ids) {
        const before = jobs.get(id);
        if (before && hasEnded(before)) continue;
        const job = await client.json<JobRecord>(`/v1/jobs/${encodeURIComponent(id)}`);
        jobs.set(id, job);
        if (!isTextOutput(args)) printChange(before, job);
        else if (hasEnded(job)) print(`${id} ${job.state}: ${describeOutcome(job)}`);
      }
      const all = [...jobs.values()];
      const open = all.filter((job) => !hasEnded(job));
      if (open.length === 0) return all.every(({ state }) => state === 'succeeded');
      const share = all.reduce((sum, job) => sum + progressShare(job), 0) / all.length;
      bar.set(share, ids.length === 1 ? describeOutcome(open[0]!) : `${open.length} to go`);
      await pause(pollMs, signal);
    }
  } finally {
    bar.close();
  }
}

function printChange(before: JobRecord | undefined, job: JobRecord): void {
  const { id, state, progress } = job;
  if (hasEnded(job)) printJson(job);
  else if (JSON.stringify([before?.state, before?.progress]) !== JSON.stringify([state, progress]))
    printJson({ id, state, progress });
}

async function watchBatch(
  args: Arguments,
  client: ServerClient,
  id: string,
  signal: AbortSignal,
): Promise<boolean> {
  const bar = new ShareBar(id, describePhase('waiting'));
  let lastState = '';
  try {
    for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(POLL_GROWTH * pollMs, MAX_POLL_MS)) {
      const batch = await client.json<BatchRecord>(`/v1/batches/${encodeURIComponent(id)}`);
      const { state, counts, progress } = batch;
      if (hasEnded(batch)) {
        const words = Object.entries(counts).filter(([, count]) => count > 0);
        if (isTextOutput(args))
          print(`${id} ${state}: ${words.map(([what, count]) => `${count} ${what}`).join(', ')}`);
        else printJson(batch);
        return state === 'succeeded';
      }
      const change = { id, state, counts, progress };
      if (!isTextOutput(args) && JSON.stringify(change) !== lastState) printJson(change);
      lastState = JSON.stringify(change);
      bar.set(progress.done / Math.max(progress.total, 1), `${progress.done} of ${progress.total} jobs`);
      await pause(pollMs, signal);
    }
  } finally {
    bar.close();
  }
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
