import { loadRolelessConfig } from '../app/config.ts';
import { makeDataFolderPrivate } from '../app/data-folder.ts';
import { JOB_PRIORITIES, type JobPriority } from '../contract/job-request.ts';
import { type KeyRecord, SCOPES, type Scope } from '../contract/key.ts';
import type { KeyRotation } from '../contract/secrets.ts';
import { TENANT_ID_RULE } from '../contract/tenant-id.ts';
import { openDatabase } from '../database/open-database.ts';
import { counted } from '../errors/counted.ts';
import { KeyService } from '../resources/keys/service.ts';
import type { Command, Option } from './command.ts';
import { isSet, refusePositionals, textOption } from './command.ts';
import { EXIT, UsageError } from './command-error.ts';
import { expiryTime } from './field-value.ts';
import { textTable } from './format.ts';
import { onServer } from './jobs-command.ts';
import { isTextOutput, JSON_OPTION, print, printJson } from './output.ts';
import { ADMINISTRATION_GROUP, tenantFromArguments } from './server-options.ts';

const ABOUT =
  'Works on the database that DATABASE_URL or DATA_DIR names, whether or not a service is running. ';
const MAX_NAME_CHARACTERS = 100;
const TENANT: Option = { name: 'tenant', value: 'ID', help: `The tenant of the keys: ${TENANT_ID_RULE}.` };

export const KEYS_CREATE: Command = {
  name: 'keys create',
  summary: 'Creates a key for the service.',
  synopsis: ['--tenant ID [--make-tenant] [--name NAME] [--scopes read,write] [--expires-in 90d]'],
  about: `${ABOUT}The key is shown only once: the database keeps a digest of it. If the output is not a terminal, only the key is printed.`,
  groups: [
    {
      title: 'Key',
      options: [
        TENANT,
        { name: 'make-tenant', help: 'Create the tenant if it does not exist.' },
        { name: 'name', value: 'NAME', help: 'What the key is used for.' },
        {
          name: 'scopes',
          value: 'LIST',
          help: `Scopes of the key, separated by commas: any of ${SCOPES.join(', ')}; default read,write.`,
        },
        {
          name: 'max-priority',
          value: 'PRIORITY',
          help: `Highest priority of jobs that are submitted with the key: ${JOB_PRIORITIES.join(', ')}; default: that of the tenant.`,
        },
        {
          name: 'expires-in',
          value: 'TIME',
          help: 'A whole number followed by m (minutes), h, d, w or y (365 days); without this option the key does not expire.',
        },
        { name: 'json', help: 'Print the whole record as JSON, with the key.' },
      ],
    },
  ],
  async run(args) {
    refusePositionals(args);
    const tenant = tenantFromArguments(args);
    if (tenant === undefined) throw new UsageError('specify the tenant of the key (--tenant ID)');
    const name = textOption(args, 'name') ?? '';
    if (name.length > MAX_NAME_CHARACTERS) {
      throw new UsageError(`--name has ${name.length} characters; the limit is ${MAX_NAME_CHARACTERS}`);
    }
    const scopes = scopesOf(textOption(args, 'scopes') ?? 'read,write');
    const lifetime = textOption(args, 'expires-in');
    const expiresAt = lifetime === undefined ? null : expiryTime(lifetime, Date.now());
    const maxPriority = priorityArgument(textOption(args, 'max-priority'));
    const makesTenant = isSet(args, 'make-tenant');
    const { record, key } = await withKeys((keys) =>
      keys.create({ tenant, makesTenant, name, scopes, maxPriority, expiresAt }),
    );
    if (isSet(args, 'json')) printJson({ ...record, key });
    else if (!isTextOutput(args)) print(key);
    else {
      const end = record.expires_at === null ? 'does not expire' : `expires ${record.expires_at}`;
      print(
        `${record.id} for ${tenant} (${record.scopes.join(', ')}; ${end}). Keep it, it is not shown again:\n${key}`,
      );
    }
    return EXIT.ok;
  },
};

export const KEYS_LIST: Command = {
  name: 'keys list',
  summary: 'Lists keys, including revoked and expired ones.',
  synopsis: ['[--tenant ID]'],
  about: `${ABOUT}If the output is not a terminal, every key is printed as a line of JSON. The secret texts of keys are not stored.`,
  groups: [{ title: 'Selection', options: [TENANT, JSON_OPTION] }],
  async run(args) {
    refusePositionals(args);
    const tenant = tenantFromArguments(args);
    const records = await withKeys((keys) => keys.list(tenant));
    if (!isTextOutput(args)) for (const record of records) printJson(record);
    else if (records.length === 0) print('There are no keys.');
    else print(textTable(['id', 'tenant', 'name', 'scopes', 'created', 'state'], records.map(row)));
    return EXIT.ok;
  },
};

export const KEYS_REVOKE: Command = {
  name: 'keys revoke',
  summary: 'Revokes a key.',
  synopsis: ['ID'],
  about: `${ABOUT}A running service accepts the key for a few more seconds.`,
  groups: [{ title: 'Output', options: [JSON_OPTION] }],
  async run(args) {
    const [id, ...more] = args.positionals;
    if (id === undefined) throw new UsageError('specify the ID of the key, which `keys list` shows');
    refusePositionals({ ...args, positionals: more });
    const record = await withKeys((keys) => keys.revoke(id));
    if (isTextOutput(args)) print(`${record.id} of ${record.tenant} was revoked ${record.revoked_at}.`);
    else printJson(record);
    return EXIT.ok;
  },
};

export const KEYS_ROTATE_SECRETS: Command = {
  name: 'keys rotate-secrets',
  summary: 'Re-encrypts the secrets of a server with its newest key.',
  synopsis: [''],
  about:
    'Run this when SECRETS_KEYS of every process begins with the new key. Needs a key with the scope admin. Exits with 1 if some ' +
    'of the secrets cannot be decrypted with any of the keys.',
  groups: [{ title: 'Output', options: [JSON_OPTION] }, ADMINISTRATION_GROUP],
  run: (args) =>
    onServer(args, async (client) => {
      refusePositionals(args);
      const rotation = await rotate((path) => client.json<KeyRotation>(path, () => ({ method: 'POST' })));
      if (isTextOutput(args)) print(rotationText(rotation));
      else printJson(rotation);
      return rotation.unreadable.length === 0 ? EXIT.ok : EXIT.failed;
    }),
};

/** Repeats the call until everything is rotated, and adds up the results. */
async function rotate(post: (path: string) => Promise<KeyRotation>): Promise<KeyRotation> {
  let done = await post('/v1/secrets/rotate');
  let { reencrypted } = done;
  const unreadable = new Map<string, number>();
  for (;;) {
    for (const { key, secrets } of done.unreadable) unreadable.set(key, (unreadable.get(key) ?? 0) + secrets);
    if (done.next === null) break;
    done = await post(`/v1/secrets/rotate?after=${done.next}`);
    reencrypted += done.reencrypted;
  }
  return { ...done, reencrypted, unreadable: [...unreadable].map(([key, secrets]) => ({ key, secrets })) };
}

function rotationText({ key, reencrypted, droppable_keys, unreadable }: KeyRotation): string {
  const lost = unreadable.map(
    ({ key: other, secrets }) =>
      `\nSecrets that were encrypted with key ${other} cannot be decrypted with any of SECRETS_KEYS: ${secrets}.`,
  );
  const drop =
    droppable_keys.length > 0 ? ` No secret is encrypted with ${droppable_keys.join(', ')} any longer.` : '';
  return `${counted(reencrypted, 'record was', 'records were')} encrypted again with key ${key}.${drop}${lost.join('')}`;
}

async function withKeys<T>(work: (keys: KeyService) => Promise<T>): Promise<T> {
  const { database: options, dataDir } = loadRolelessConfig();
  await makeDataFolderPrivate(dataDir);
  const database = await openDatabase(options);
  try {
    return await work(new KeyService(database));
  } finally {
    await database.close();
  }
}

function scopesOf(list: string): Scope[] {
  const names = list.split(',').map((name) => name.trim());
  const wrong = names.find((name) => !(SCOPES as readonly string[]).includes(name));
  if (wrong === undefined) return names as Scope[];
  throw new UsageError(`--scopes contains ${JSON.stringify(wrong)}; the scopes are ${SCOPES.join(', ')}`);
}

function priorityArgument(name: string | undefined): JobPriority | undefined {
  const priority = JOB_PRIORITIES.find((known) => known === name);
  if (name === undefined || priority) return priority;
  throw new UsageError(
    `--max-priority is ${JSON.stringify(name)} but must be one of ${JOB_PRIORITIES.join(', ')}`,
  );
}

function row({ id, tenant, name, scopes, created_at, expires_at, revoked_at }: KeyRecord): string[] {
  return [id, tenant, name, scopes.join(','), created_at.slice(0, 10), stateOf(expires_at, revoked_at)];
}

function stateOf(expiresAt: string | null, revokedAt: string | null): string {
  if (revokedAt !== null) return `revoked ${revokedAt.slice(0, 10)}`;
  if (expiresAt === null) return 'valid';
  return `${Date.parse(expiresAt) > Date.now() ? 'valid until' : 'expired'} ${expiresAt.slice(0, 10)}`;
}
