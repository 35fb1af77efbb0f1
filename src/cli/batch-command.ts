import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import { formatPercent } from '../charts/format.ts';
import type { BatchRecord } from '../contract/batch.ts';
import type { BatchResultLine } from '../contract/batch-result.ts';
import { uploadAdapter } from './adapter-upload.ts';
import type { Arguments, Command, OptionGroup } from './command.ts';
import { refusePositionals, textOption } from './command.ts';
import { EXIT, UsageError } from './command-error.ts';
import { formatRange, textTable } from './format.ts';
import { formatMinute } from './job-text.ts';
import { forEachId, onServer } from './jobs-command.ts';
import { isTextOutput, JSON_OPTION, print, printJson } from './output.ts';
import { isPlace } from './place.ts';
import { RESULT_GROUP, readResults } from './result-fields.ts';
import type { ServerClient } from './server-client.ts';
import { LIST_OPTIONS, listQuery, pages, readLimit } from './server-lists.ts';
import { SERVER_GROUP } from './server-options.ts';
import { readMethod, readTargets, TARGET_GROUPS } from './squeeze-fields.ts';

const OUTPUT: OptionGroup = { title: 'Output', options: [JSON_OPTION] };
const IS_ID = /^ad_[0-9a-z]+$/;

export const BATCH_CREATE: Command = {
  name: 'batch create',
  summary: 'Squeezes many adapters on a server, as one batch.',
  synopsis: ['SOURCE… (--rank N | … | --profile NAME) [--out PLACE]', '--from FILE [--rank N | …]'],
  about:
    'A SOURCE is the id of an adapter (ad_…), a folder or file, which is uploaded first, or a URL from ' +
    'which the server fetches it (s3://…, hf://…, https://…); a single URL that ends with a slash stands ' +
    'for every adapter below it. FILE contains one SOURCE per line, or one job per line as JSON, as for ' +
    'POST /v1/jobs; - is standard input. An item that cannot be tried fails; if a line is invalid, the ' +
    'whole batch is refused. The command prints the batch and ends: lora-squeeze watch --batch ID follows ' +
    'it.',
  groups: [
    {
      title: 'Selection',
      options: [{ name: 'from', value: 'FILE', help: 'SOURCEs or jobs, one per line.' }],
    },
    ...TARGET_GROUPS,
    {
      title: 'Output',
      options: [
        {
          name: 'out',
          value: 'PLACE',
          help: 'Where the server delivers the results, such as s3://bucket/folder/.',
        },
        JSON_OPTION,
      ],
    },
    SERVER_GROUP,
    RESULT_GROUP,
  ],
  run: (args) =>
    onServer(args, async (client, signal) => {
      const { path, type, body } = await requestOf(args, client, signal);
      const headers = { 'content-type': type };
      const batch = await client.json<BatchRecord>(path, () => ({ method: 'POST', headers, body }));
      printBatch(args, batch);
      return batch.state === 'failed' ? EXIT.failed : EXIT.ok;
    }),
};

export const BATCH_LIST: Command = {
  name: 'batch list',
  summary: 'Lists batches of a server, the newest first.',
  synopsis: ['[--state STATE]… [--label NAME=VALUE]… [--name TEXT] [--limit N]'],
  about: 'Prints a table on a terminal; if the output is not a terminal, one line of JSON for each batch.',
  groups: [{ title: 'Selection', options: LIST_OPTIONS }, OUTPUT, SERVER_GROUP],
  run: (args) =>
    onServer(args, async (client) => {
      refusePositionals(args);
      const found: BatchRecord[] = [];
      for await (const batch of pages<BatchRecord>(client, '/v1/batches', listQuery(args), readLimit(args))) {
        if (isTextOutput(args)) found.push(batch);
        else printJson(batch);
      }
      if (isTextOutput(args)) print(found.length > 0 ? batchTable(found) : 'No batches match.');
      return EXIT.ok;
    }),
};

/** A command that does the same with each of several batches. */
const ofEach = (
  name: string,
  summary: string,
  about: string,
  what: string,
  method: 'GET' | 'POST',
): Command => ({
  name,
  summary,
  synopsis: ['BATCH…'],
  about,
  groups: [OUTPUT, SERVER_GROUP],
  run: (args) =>
    onServer(args, (client) =>
      forEachId(args, async (id) =>
        printBatch(
          args,
          await client.json(`/v1/batches/${encodeURIComponent(id)}${what}`, () => ({ method })),
        ),
      ),
    ),
});

export const BATCH_GET = ofEach(
  'batch get',
  'Shows the state of batches.',
  'Prints how many items of each batch are in each state.',
  '',
  'GET',
);
export const BATCH_CANCEL = ofEach(
  'batch cancel',
  'Cancels batches.',
  'No further job of these batches starts; running ones stop.',
  '/cancel',
  'POST',
);
export const BATCH_RETRY = ofEach(
  'batch retry',
  'Repeats items that failed or were cancelled.',
  'Creates a new batch of these items, and prints it.',
  '/retry',
  'POST',
);

export const BATCH_RESULTS: Command = {
  name: 'batch results',
  summary: 'Shows the results of the items of batches.',
  synopsis: ['BATCH…'],
  about:
    'Prints a line for each target of each item, and one for each item that could not be tried: a table on a terminal, JSON if the output is not a terminal.',
  groups: [OUTPUT, SERVER_GROUP],
  run: (args) =>
    onServer(args, (client) =>
      forEachId(args, async (id) => {
        const rows: string[][] = [];
        const path = `/v1/batches/${encodeURIComponent(id)}/results`;
        for await (const line of client.lines<BatchResultLine>(path)) {
          if (!isTextOutput(args)) printJson(line);
          else rows.push(rowOf(line));
        }
        if (isTextOutput(args)) print(textTable(['item', '>target', 'state', '>rank', 'outcome'], rows));
      }),
    ),
};

function rowOf({ name, target, state, rank, result_id, relative_error, error }: BatchResultLine): string[] {
  const distance = relative_error === null ? '' : `, error ${formatPercent(relative_error)}`;
  const outcome = error?.code ?? (result_id === null ? '' : `${result_id}${distance}`);
  return [name, target === null ? '' : String(target), state, rank ? formatRange(rank) : '', outcome];
}

/** A batch to be sent. */
interface Sent {
  readonly path: string;
  readonly type: string;
  readonly body: string;
}

const asJson = (request: object): Sent => ({
  ...{ path: '/v1/batches', type: 'application/json' },
  body: JSON.stringify(request),
});

async function requestOf(args: Arguments, client: ServerClient, signal: AbortSignal): Promise<Sent> {
  const file = textOption(args, 'from');
  const lines = file === undefined ? [] : await linesOf(file);
  const jobs = lines.filter((line) => line.startsWith('{'));
  const sources = [...args.positionals, ...lines.filter((line) => !line.startsWith('{'))];
  const results = readResults(args);
  const deliver = textOption(args, 'out');
  if (deliver !== undefined && !isPlace(deliver))
    throw new UsageError(
      `--out is ${JSON.stringify(deliver)} but must be a location such as s3://bucket/folder/`,
    );
  const shared = {
    ...(results && { results }),
    // The batch gets the same labels as its results, so that it can be found by them.
    ...(results?.labels && { labels: results.labels }),
    ...(deliver !== undefined && { deliver }),
  };
  if (jobs.length > 0) {
    if (sources.length > 0)
      throw new UsageError('jobs and SOURCEs cannot be mixed: put them into separate batches');
    for (const [index, line] of jobs.entries()) checkJob(line, file!, index);
    const body = [JSON.stringify({ settings: shared }), ...jobs].join('\n');
    return { path: '/v1/batches/ndjson', type: 'application/x-ndjson', body };
  }
  if (sources.length === 0) throw new UsageError('specify one or more SOURCEs, or use --from FILE');
  const options = readMethod(args.values);
  const order = { targets: readTargets(args.values), ...(options && { options }), ...shared };
  const places = sources.filter(isPlace);
  if (places.length > 0 && places.length < sources.length)
    throw new UsageError(
      `${places[0]} is a URL and ${sources.find((each) => !isPlace(each))} is not: put URLs and other SOURCEs into separate batches`,
    );
  if (places.length === 1 && places[0]!.endsWith('/')) return asJson({ source_prefix: places[0], ...order });
  if (places.length > 0) return asJson({ sources: places, ...order });
  const ids: string[] = [];
  for (const source of sources)
    ids.push(IS_ID.test(source) ? source : (await uploadAdapter(client, source, () => undefined, signal)).id);
  return asJson({ adapter_ids: ids, ...order });
}

async function linesOf(file: string): Promise<string[]> {
  const content = file === '-' ? await textOf(process.stdin) : await readFile(file, 'utf8');
  return content
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => (line.startsWith('"') ? String(JSON.parse(line)) : line));
}

function checkJob(line: string, file: string, index: number): void {
  try {
    JSON.parse(line);
  } catch {
    throw new UsageError(`job ${index + 1} of ${file} is not JSON`);
  }
}

function printBatch(args: Arguments, batch: BatchRecord): void {
  if (isTextOutput(args)) print(batchTable([batch]));
  else printJson(batch);
}

const batchTable = (batches: readonly BatchRecord[]): string =>
  textTable(
    ['id', 'state', 'created', '>done', '>of', '>failed'],
    batches.map(({ id, state, created_at, progress, counts }) => [
      id,
      state,
      formatMinute(created_at),
      String(progress.done),
      String(progress.total),
      String(counts.failed + counts.partial),
    ]),
  );
