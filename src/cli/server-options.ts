import { cliEnvironment } from '../app/config.ts';
import { isTenantId, TENANT_ID_RULE } from '../contract/tenant-id.ts';
import { type Arguments, type OptionGroup, textOption } from './command.ts';
import { UsageError } from './command-error.ts';

/** The characters that a header may contain. */
const VISIBLE = /^[\x21-\x7e]+$/;

export const SERVER_OPTIONS = [
  { name: 'server', value: 'URL', help: 'Use this server; default LORA_SQUEEZE_URL.' },
  {
    name: 'key',
    value: 'KEY',
    help: 'Key for the server; LORA_SQUEEZE_KEY keeps it out of process lists.',
  },
] as const;

const ONLY_SERVER = [
  { ...SERVER_OPTIONS[0], help: 'The server; default LORA_SQUEEZE_URL.' },
  SERVER_OPTIONS[1],
];

/** Options of commands for the administrators of a server. */
export const ADMINISTRATION_GROUP: OptionGroup = { title: 'Server', options: ONLY_SERVER };

/** Options of commands that need a server. */
export const SERVER_GROUP: OptionGroup = {
  title: 'Server',
  options: [
    ...ONLY_SERVER,
    { name: 'tenant', value: 'ID', help: 'Act for this tenant; needs a key with the scope admin.' },
  ],
};

/** The tenant in the options of SERVER_GROUP; undefined: the tenant of the key. @throws UsageError */
export function tenantFromArguments(args: Arguments): string | undefined {
  const tenant = textOption(args, 'tenant');
  if (tenant === undefined || isTenantId(tenant)) return tenant;
  throw new UsageError(`--tenant is ${JSON.stringify(tenant)} but must be ${TENANT_ID_RULE}`);
}

export interface ServerAddress {
  /** Without a trailing slash. */
  readonly url: string;
  readonly key: string | undefined;
}

/**
 * @returns undefined if neither an option nor the environment names a server @throws UsageError for values that are
 *   not valid
 */
export function serverFromArguments(args: Arguments): ServerAddress | undefined {
  const environment = cliEnvironment();
  const named = textOption(args, 'server');
  const url = named ?? environment.serverUrl;
  if (url === undefined) return undefined;
  const key = textOption(args, 'key') ?? environment.key;
  if (key !== undefined && !VISIBLE.test(key))
    throw new UsageError('the key must consist of visible ASCII characters');
  return { url: serverUrl(url, named === undefined ? 'LORA_SQUEEZE_URL' : '--server'), key };
}

/**
 * The server for commands that need one.
 * @throws UsageError, also if none is named
 */
export function requireServer(args: Arguments): ServerAddress {
  const server = serverFromArguments(args);
  if (!server) throw new UsageError('specify the server (--server URL, or LORA_SQUEEZE_URL)');
  return server;
}

/** Removes the trailing slash. A refused URL is not repeated in the message, because it may contain a password. */
function serverUrl(value: string, where: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`${where} must be an http:// or https:// URL`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new UsageError(`${where} must not contain a user or password; the key goes into LORA_SQUEEZE_KEY`);
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}
