import type { SqueezeOptions } from '../../../src/contract/job-request.ts';
import type { Target } from '../../../src/contract/target.ts';

/** A request for a squeeze, as the page would send it. */
export interface SqueezeRequest {
  readonly kind: 'squeeze';
  readonly adapter_id: string;
  readonly targets: readonly Target[];
  readonly options?: SqueezeOptions;
}

/** A request for a batch of adapters that the service fetches, as the page would send it. */
export type FetchedBatchRequest = (
  | { readonly source_prefix: string }
  | { readonly sources: readonly string[] }
) & {
  readonly targets: readonly Target[];
  readonly deliver?: string;
  readonly name?: string;
};

/** The next checkpoint of a run, which a trainer sends. */
export interface CheckpointRequest {
  readonly kind: 'checkpoint';
  readonly run_id: string;
  readonly step: number;
}

type JobsRequest = SqueezeRequest | FetchedBatchRequest;
export type PageRequest = JobsRequest | CheckpointRequest;

/** The ways to send the same request without the page. */
export const REQUEST_LANGUAGES = { curl: 'curl', python: 'Python', command: 'Command' } as const;
export type RequestLanguage = keyof typeof REQUEST_LANGUAGES;

/**
 * Writes a request as texts that can be run elsewhere. The command has none for checkpoints, which trainers send.
 * @param origin of the service
 * @param needsKey whether to send a key; the text never holds the key itself, only where to read it from
 */
export const requestTexts = (
  request: PageRequest,
  origin: string,
  needsKey: boolean,
): Readonly<Partial<Record<RequestLanguage, string>>> => ({
  curl: curl(request, origin, needsKey),
  python: python(request, origin),
  ...(!isCheckpoint(request) && { command: command(request, origin) }),
});

const isCheckpoint = (request: PageRequest): request is CheckpointRequest =>
  'kind' in request && request.kind === 'checkpoint';
const isSqueeze = (request: JobsRequest): request is SqueezeRequest => 'kind' in request;

/** The files of a checkpoint as PEFT and the clients name them; the last one is optional. */
const CHECKPOINT_FILES = ['adapter_model.safetensors', 'adapter_config.json', 'optimizer.safetensors'];

function curl(request: PageRequest, origin: string, needsKey: boolean): string {
  const [path, ...content] = isCheckpoint(request)
    ? [
        `runs/${request.run_id}/checkpoints`,
        "-H 'Prefer: wait=30'",
        `-F step=${request.step}`,
        ...CHECKPOINT_FILES.map((name) => `-F files=@${name}`),
      ]
    : [
        isSqueeze(request) ? 'jobs' : 'batches',
        "-H 'Content-Type: application/json'",
        `-d ${shell(JSON.stringify(request))}`,
      ];
  return [
    `curl ${shell(`${origin}/v1/${path}`)}`,
    ...(needsKey ? ['-H "Authorization: Bearer $LORA_SQUEEZE_KEY"'] : []),
    ...content,
  ].join(' \\\n  ');
}

function python(request: PageRequest, origin: string): string {
  return [
    'from lora_squeeze import Client',
    '',
    `service = Client(${JSON.stringify(origin)})  # the key: LORA_SQUEEZE_KEY`,
    ...pythonCalls(request),
  ].join('\n');
}

function pythonCalls(request: PageRequest): string[] {
  if (isCheckpoint(request)) return pythonCheckpoint(request);
  return isSqueeze(request) ? pythonJob(request) : pythonBatch(request);
}

const pythonCheckpoint = ({ run_id: id, step }: CheckpointRequest): string[] => [
  'checkpoint = service.runs.send_checkpoint(',
  `    ${JSON.stringify(id)},`,
  `    ${step},`,
  ...CHECKPOINT_FILES.map((name) => `    ${JSON.stringify(name)},`),
  ')',
  'service.runs.download(checkpoint, "next")',
];

const pythonJob = ({ adapter_id: id, targets, options }: SqueezeRequest): string[] => [
  'job = service.jobs.run(',
  '    kind="squeeze",',
  `    adapter_id=${JSON.stringify(id)},`,
  `    targets=${pythonValue(targets)},`,
  ...(options ? [`    options=${pythonValue(options)},`] : []),
  ')',
  'service.jobs.download(job["id"], "results")',
];

const pythonBatch = (request: FetchedBatchRequest): string[] => [
  'batch = service.batches.create({',
  ...Object.entries(request).map(([name, value]) => `    ${JSON.stringify(name)}: ${pythonValue(value)},`),
  '})',
  'print(service.batches.wait(batch["id"])["state"])',
];

function command(request: JobsRequest, origin: string): string {
  const options = isSqueeze(request) ? request.options : undefined;
  const lines = request.targets.map((target) =>
    [
      `lora-squeeze batch create ${sourcesOf(request).map(shell).join(' ')} --server ${shell(origin)}`,
      ...Object.entries(flagsOf(target, options)).flatMap(([name, value]) => optionsOf(name, value)),
      ...('deliver' in request ? [`--out ${shell(request.deliver!)}`] : []),
    ].join(' \\\n  '),
  );
  return lines.join('\n');
}

/** The sources for the command; a place that ends with a slash stands for all adapters below it. */
function sourcesOf(request: JobsRequest): readonly string[] {
  if (isSqueeze(request)) return [request.adapter_id];
  return 'sources' in request ? request.sources : [request.source_prefix.replace(/\/*$/, '/')];
}

/** The command has no nested fields: each format option is a flag of its own. */
function flagsOf({ format_options: formatOptions, ...target }: Target, options?: SqueezeOptions): object {
  return { ...target, ...formatOptions, ...options };
}

function optionsOf(name: string, value: unknown): string[] {
  const option = `--${name.replaceAll('_', '-')}`;
  if (value === true) return [option];
  if (value === false) return [`--no-${option.slice(2)}`];
  if (name === 'rank_pattern')
    return Object.entries(value as Record<string, number>).map(
      ([key, rank]) => `${option} ${shell(`${key}=${rank}`)}`,
    );
  return [`${option} ${shell(String(value))}`];
}

/** Quotes a word for the shell if necessary. */
const shell = (text: string): string =>
  /^[\w./:=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

/** Writes a value as Python source; strings and numbers look the same as in JSON. */
function pythonValue(value: unknown): string {
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (Array.isArray(value)) return `[${value.map(pythonValue).join(', ')}]`;
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value)
      .map(([name, one]) => `${JSON.stringify(name)}: ${pythonValue(one)}`)
      .join(', ')}}`;
  return JSON.stringify(value);
}
