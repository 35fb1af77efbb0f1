import type { JobRecord } from '../contract/job.ts';
import type { Arguments, Command, OptionGroup } from './command.ts';
import { isSet, refusePositionals, textOption } from './command.ts';
import { EXIT, reportedFailure, UsageError } from './command-error.ts';
import { interruptible } from './interrupt.ts';
import { hasEnded, jobTable } from './job-text.ts';
import { isTextOutput, JSON_OPTION, print, printFailure, printJson } from './output.ts';
import { OutputFolder } from './output-folder.ts';
import { joinFolderOrPlace } from './place.ts';
import { resultFiles } from './remote-engine.ts';
import { ServerClient } from './server-client.ts';
import { LIST_OPTIONS, listQuery, pages, readLimit } from './server-lists.ts';
import { requireServer, SERVER_GROUP, tenantFromArguments } from './server-options.ts';

const OUTPUT: OptionGroup = { title: 'Output', options: [JSON_OPTION] };
const ON_A_PIPE =
  'Prints a table on a terminal; if the output is not a terminal, one line of JSON for each job.';

export const JOBS_LIST: Command = {
  name: 'jobs list',
  summary: 'Lists jobs of a server, the newest first.',
  synopsis: ['[--state STATE]… [--label NAME=VALUE]… [--name TEXT] [--limit N]'],
  about: ON_A_PIPE,
  groups: [
    {
      title: 'Selection',
      options: [
        ...LIST_OPTIONS,
        { name: 'batch', value: 'ID', help: 'Only jobs of this batch.' },
        { name: 'adapter', value: 'ID', help: 'Only jobs that read this adapter.' },
      ],
    },
    OUTPUT,
    SERVER_GROUP,
  ],
  run: (args) =>
    onServer(args, async (client) => {
      refusePositionals(args);
      const query = listQuery(args, {
        batch_id: textOption(args, 'batch'),
        adapter_id: textOption(args, 'adapter'),
      });
      const jobs: JobRecord[] = [];
      for await (const job of pages<JobRecord>(client, '/v1/jobs', query, readLimit(args))) {
        if (isTextOutput(args)) jobs.push(job);
        else printJson(job);
      }
      if (isTextOutput(args)) print(jobs.length > 0 ? jobTable(jobs) : 'No jobs match.');
      return EXIT.ok;
    }),
};

/** A command that does the same with each of several jobs. */
function ofEach(
  name: string,
  summary: string,
  about: string,
  ask: (client: ServerClient, id: string) => Promise<JobRecord>,
): Command {
  return {
    name,
    summary,
    synopsis: ['JOB…'],
    about: `${about} ${ON_A_PIPE}`,
    groups: [OUTPUT, SERVER_GROUP],
    run: (args) =>
      onServer(args, (client) =>
        forEachId(args, async (id) => {
          const job = await ask(client, id);
          if (isTextOutput(args)) print(jobTable([job]));
          else printJson(job);
        }),
      ),
  };
}

const path = (id: string, what = ''): string => `/v1/jobs/${encodeURIComponent(id)}${what}`;
const post = () => ({ method: 'POST' });

export const JOBS_GET = ofEach(
  'jobs get',
  'Shows the state of jobs.',
  'Accepts any number of jobs.',
  (client, id) => client.json(path(id)),
);
export const JOBS_CANCEL = ofEach(
  'jobs cancel',
  'Cancels jobs.',
  'A job that has already ended is refused; the others are still cancelled.',
  (client, id) => client.json(path(id, '/cancel'), post),
);
export const JOBS_RETRY = ofEach(
  'jobs retry',
  'Repeats jobs that failed or were cancelled.',
  'Each retry is a new job with the settings of the old one; the command prints the new job.',
  (client, id) => client.json(path(id, '/retry'), post),
);

export const JOBS_DOWNLOAD: Command = {
  name: 'jobs download',
  summary: 'Saves the results of jobs.',
  synopsis: ['JOB… --out DIR'],
  about:
    'Results go to DIR, or to DIR/0, DIR/1, … if a job has several targets; with several JOBs, to DIR/JOB each. Every file is ' +
    'compared with the SHA-256 from the server, and a folder appears complete or not at all.',
  groups: [
    {
      title: 'Output',
      options: [
        { name: 'out', value: 'DIR', help: 'The folder for the results.' },
        { name: 'force', help: 'Replace an earlier result.' },
        JSON_OPTION,
      ],
    },
    SERVER_GROUP,
  ],
  run: (args) => {
    const out = textOption(args, 'out');
    if (out === undefined) throw new UsageError('specify the folder for the results (--out DIR)');
    const isOneOfSeveral = args.positionals.length > 1;
    return onServer(args, (client, signal) =>
      forEachId(args, async (id) => {
        const job = await client.json<JobRecord>(path(id));
        if (!hasEnded(job))
          throw new UsageError(`${id} has not ended; wait for it with: lora-squeeze watch ${id}`);
        const folder = isOneOfSeveral ? joinFolderOrPlace(out, id) : out;
        for (const [index, result] of job.results.entries()) {
          if (result.state !== 'succeeded') continue;
          const to = await OutputFolder.open(
            job.results.length > 1 ? joinFolderOrPlace(folder, String(index)) : folder,
            isSet(args, 'force'),
          );
          try {
            const context = { workDir: to.workDir, onProgress: () => undefined, signal };
            const files = await resultFiles(client, id, result, index, context);
            await to.publish(files);
            const fileFields = files.map(({ path: _path, ...file }) => file);
            if (isTextOutput(args)) print(`${id} → ${to.path}`);
            else printJson({ id, out: to.path, adapter_id: result.adapter_id, files: fileFields });
          } finally {
            await to.close();
          }
        }
        if (job.error) printFailure(job.error, id);
      }),
    );
  },
};

/**
 * Does something on the server that the options or the environment name.
 * @throws UsageError if none is named
 */
export async function onServer(
  args: Arguments,
  work: (client: ServerClient, signal: AbortSignal) => Promise<number>,
): Promise<number> {
  const { url, key } = requireServer(args);
  const tenant = tenantFromArguments(args);
  return interruptible((signal) => work(new ServerClient(url, key, signal, tenant), signal));
}

/** Does something with each of the given ids; if one fails, the others are still tried. @returns the exit code */
export async function forEachId(args: Arguments, work: (id: string) => Promise<void>): Promise<number> {
  if (args.positionals.length === 0) throw new UsageError('specify one or more IDs');
  let failed = 0;
  for (const id of args.positionals) {
    try {
      await work(id);
    } catch (error) {
      if (error instanceof UsageError) throw error;
      failed++;
      const failure = reportedFailure(error);
      printFailure(failure, args.positionals.length > 1 ? id : undefined);
      if (!isTextOutput(args)) printJson({ id, error: failure });
    }
  }
  return failed > 0 ? EXIT.failed : EXIT.ok;
}
