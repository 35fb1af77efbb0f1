import { formatBytes } from '../charts/format.ts';
import type {
  TenantCancellation,
  TenantRecord,
  TenantRequest,
  TenantSummary,
  UsageRecord,
} from '../contract/tenant.ts';
import type { WorkerRecord } from '../contract/worker.ts';
import type { Arguments, Command, OptionGroup } from './command.ts';
import { refusePositionals, textOption } from './command.ts';
import { EXIT, UsageError } from './command-error.ts';
import { type FieldSchema, fieldValue } from './field-value.ts';
import { textTable } from './format.ts';
import { forEachId, onServer } from './jobs-command.ts';
import { isTextOutput, JSON_OPTION, print, printJson } from './output.ts';
import type { ServerClient } from './server-client.ts';
import { pages } from './server-lists.ts';
import { ADMINISTRATION_GROUP, SERVER_GROUP } from './server-options.ts';

const OUTPUT: OptionGroup = { title: 'Output', options: [JSON_OPTION] };
const ON_A_PIPE =
  'Prints a table on a terminal; if the output is not a terminal, one line of JSON for each tenant.';
const FOR_ADMINISTRATORS = 'Needs a key with the scope admin.';
const MAX_TENANTS = 100_000;

const path = (id: string, what = ''): string => `/v1/tenants/${encodeURIComponent(id)}${what}`;
const post = () => ({ method: 'POST' });

export const TENANTS_LIST: Command = {
  name: 'tenants list',
  summary: 'Lists the tenants of a server with their usage.',
  synopsis: [''],
  about: `${FOR_ADMINISTRATORS} ${ON_A_PIPE}`,
  groups: [OUTPUT, ADMINISTRATION_GROUP],
  run: (args) =>
    onServer(args, async (client) => {
      refusePositionals(args);
      const tenants: TenantSummary[] = [];
      for await (const tenant of pages<TenantSummary>(
        client,
        '/v1/tenants',
        new URLSearchParams(),
        MAX_TENANTS,
      )) {
        if (isTextOutput(args)) tenants.push(tenant);
        else printJson(tenant);
      }
      if (isTextOutput(args))
        print(
          textTable(
            ['id', 'state', '>queued', '>running', '>stored'],
            tenants.map(({ id, state, queued, running, stored_bytes }) => [
              ...[id, state, String(queued), String(running), formatBytes(stored_bytes)],
            ]),
          ),
        );
      return EXIT.ok;
    }),
};

/** A command that does the same with each of several tenants. */
const ofEachTenant = (
  name: string,
  summary: string,
  about: string,
  ask: (client: ServerClient, id: string) => Promise<object>,
): Command => ({
  name: `tenants ${name}`,
  summary,
  synopsis: ['TENANT…'],
  about: `${about} ${FOR_ADMINISTRATORS} Prints a line of JSON for each tenant.`,
  groups: [ADMINISTRATION_GROUP],
  run: (args) => onServer(args, (client) => forEachId(args, async (id) => printJson(await ask(client, id)))),
});

export const TENANTS_SHOW = ofEachTenant(
  'show',
  'Shows tenants with their usage.',
  'Shows settings, records, limits, waiting jobs and past usage.',
  (client, id) => client.json<TenantRecord>(path(id)),
);
export const TENANTS_SUSPEND = ofEachTenant(
  'suspend',
  'Suspends tenants.',
  'No waiting job starts, and no new job is accepted; running jobs continue, and the tenants can still read, ' +
    'cancel and delete.',
  (client, id) => client.json<TenantRecord>(path(id, '/suspend'), post),
);
export const TENANTS_RESUME = ofEachTenant(
  'resume',
  'Resumes suspended tenants.',
  'Waiting jobs start again, in their order.',
  (client, id) => client.json<TenantRecord>(path(id, '/resume'), post),
);
export const TENANTS_CANCEL = ofEachTenant(
  'cancel',
  'Cancels every unfinished job and batch of the given tenants.',
  'Jobs submitted meanwhile are not cancelled: suspend the tenants first.',
  async (client, id) => ({ id, ...(await client.json<TenantCancellation>(path(id, '/cancel'), post)) }),
);
export const TENANTS_DELETE = ofEachTenant(
  'delete',
  'Deletes tenants with all their data.',
  'The keys of the tenants are refused from then on, and the next sweeps remove their data. This cannot ' +
    'be undone.',
  (client, id) => client.json<TenantRecord>(path(id), () => ({ method: 'DELETE' })),
);

const WHOLE: FieldSchema = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER };
const QUOTA: FieldSchema = { anyOf: [WHOLE, { const: 'none' }, { const: 'default' }] };
const SETTINGS = {
  weight: { type: 'integer', minimum: 1, maximum: 1000 },
  'max-priority': { enum: ['low', 'normal', 'high'] },
} as const satisfies Readonly<Record<string, FieldSchema>>;
const QUOTAS = ['stored-bytes', 'max-queued', 'max-running', 'requests-per-minute'] as const;
const QUOTA_HELP = {
  'stored-bytes': 'Largest size of all adapters of the tenant together, in bytes.',
  'max-queued': 'Largest number of jobs that have not ended.',
  'max-running': 'Largest number of jobs that run at the same time.',
  'requests-per-minute': 'Largest number of requests to the API in a minute, over all keys of the tenant.',
} as const;

export const TENANTS_SET: Command = {
  name: 'tenants set',
  summary: 'Creates a tenant or changes its limits.',
  synopsis: ['TENANT [--weight N] [--max-priority P] [--max-queued N] [--max-running N] …'],
  about:
    `${FOR_ADMINISTRATORS} Settings that are not given stay as they are; "default" resets a setting, and "none" removes a ` +
    'quota. Prints the tenant as JSON.',
  groups: [
    {
      title: 'Settings',
      options: [
        {
          name: 'weight',
          value: 'N',
          help: 'Weight, which determines the share of the workers that the tenant gets, from 1 to 1000.',
        },
        {
          name: 'max-priority',
          value: 'P',
          help: 'The highest priority that jobs of the tenant may have: low, normal or high.',
        },
        ...QUOTAS.map((name) => ({ name, value: 'N', help: QUOTA_HELP[name] })),
      ],
    },
    ADMINISTRATION_GROUP,
  ],
  run: (args) =>
    onServer(args, async (client) => {
      const [id, ...more] = args.positionals;
      if (id === undefined || more.length > 0) throw new UsageError('specify one TENANT');
      const changes = changesOf(args);
      const body = JSON.stringify(changed(await known(client, id), changes));
      const headers = { 'content-type': 'application/json' };
      printJson(await client.json<TenantRecord>(path(id), () => ({ method: 'PUT', headers, body })));
      return EXIT.ok;
    }),
};

type Change = string | number | null | undefined;

/** Changes by the names of the contract; undefined: back to the default of the service. @throws UsageError */
function changesOf(args: Arguments): ReadonlyMap<string, Change> {
  const changes = new Map<string, Change>();
  for (const name of [...(Object.keys(SETTINGS) as (keyof typeof SETTINGS)[]), ...QUOTAS]) {
    const given = textOption(args, name);
    if (given === undefined) continue;
    const schema: FieldSchema = name in SETTINGS ? SETTINGS[name as keyof typeof SETTINGS] : QUOTA;
    const value = given === 'default' ? undefined : fieldValue(`--${name}`, given, schema);
    changes.set(name.replaceAll('-', '_'), value === 'none' ? null : value);
  }
  return changes;
}

/** The settings of a tenant; empty if it does not exist. */
async function known(client: ServerClient, id: string): Promise<TenantRequest> {
  try {
    const { weight, max_priority, quotas } = await client.json<TenantRecord>(path(id));
    return { ...(weight !== undefined && { weight }), ...(max_priority && { max_priority }), quotas };
  } catch (error) {
    if ((error as { readonly code?: string }).code === 'TENANT_NOT_FOUND') return {};
    throw error;
  }
}

/** Undefined fields are omitted from the JSON, so they go back to the default. */
function changed(before: TenantRequest, changes: ReadonlyMap<string, Change>): object {
  const after: Record<string, Change | object> = { ...before };
  const quotas: Record<string, Change> = { ...before.quotas };
  for (const [name, value] of changes) {
    if (QUOTAS.some((quota) => quota.replaceAll('-', '_') === name)) quotas[name] = value;
    else after[name] = value;
  }
  return { ...after, quotas };
}

export const USAGE: Command = {
  name: 'usage',
  summary: 'Shows the limits and usage of your tenant.',
  synopsis: ['[--days N]'],
  about: 'Prints JSON: stored bytes, limits, the queue, and the usage of each day.',
  groups: [
    { title: 'Selection', options: [{ name: 'days', value: 'N', help: 'Number of days; default 30.' }] },
    SERVER_GROUP,
  ],
  run: (args) =>
    onServer(args, async (client) => {
      refusePositionals(args);
      const days = textOption(args, 'days');
      const search =
        days === undefined
          ? ''
          : `?days=${fieldValue('--days', days, { type: 'integer', minimum: 1, maximum: 400 })}`;
      printJson(await client.json<UsageRecord>(`/v1/usage${search}`));
      return EXIT.ok;
    }),
};

const workerTable = (workers: readonly WorkerRecord[]): string =>
  textTable(
    ['id', 'host', 'provider', '>slots', '>running', 'state'],
    workers.map(({ id, host, provider, slots, running, state }) => [
      ...[id, host, provider, String(slots), String(running), state],
    ]),
  );

export const WORKERS_LIST: Command = {
  name: 'workers list',
  summary: 'Lists the workers of a server, and how many executions they run.',
  synopsis: [''],
  about: `${FOR_ADMINISTRATORS} ${ON_A_PIPE}`,
  groups: [OUTPUT, ADMINISTRATION_GROUP],
  run: (args) =>
    onServer(args, async (client) => {
      refusePositionals(args);
      const { data } = await client.json<{ data: WorkerRecord[] }>('/v1/workers');
      if (isTextOutput(args)) print(data.length > 0 ? workerTable(data) : 'There are no workers.');
      else for (const worker of data) printJson(worker);
      return EXIT.ok;
    }),
};

export const WORKERS_DRAIN: Command = {
  name: 'workers drain',
  summary: 'Drains workers: they finish what they are running and take no more executions.',
  synopsis: ['WORKER…'],
  about: `${FOR_ADMINISTRATORS} The command workers list shows the ids. ${ON_A_PIPE}`,
  groups: [OUTPUT, ADMINISTRATION_GROUP],
  run: (args) =>
    onServer(args, (client) =>
      forEachId(args, async (id) => {
        const worker = await client.json<WorkerRecord>(`/v1/workers/${encodeURIComponent(id)}/drain`, post);
        if (isTextOutput(args)) print(workerTable([worker]));
        else printJson(worker);
      }),
    ),
};
