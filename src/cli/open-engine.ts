import { cliEnvironment, loadRolelessConfig } from '../app/config.ts';
import type { Arguments, OptionGroup } from './command.ts';
import { isSet, text } from './command.ts';
import { UsageError } from './command-error.ts';
import type { Engine } from './engine.ts';
import { type FieldSchema, fieldValue } from './field-value.ts';
import { LocalEngine } from './local-engine.ts';
import { RemoteEngine } from './remote-engine.ts';
import { RESULT_GROUP } from './result-fields.ts';

const THREADS: FieldSchema = { type: 'integer', minimum: 1, maximum: 1024 };
const PROVIDERS = ['auto', 'cpu', 'cuda'] as const;
const PROVIDER: FieldSchema = { anyOf: PROVIDERS.map((name) => ({ const: name })) };

/** What a header may hold. */
const VISIBLE = /^[\x21-\x7e]+$/;

export const ENGINE_GROUP: OptionGroup = {
  title: 'Where it is done',
  options: [
    {
      name: 'threads',
      value: 'N',
      help: 'Compute threads; as COMPUTE_THREADS or else all cores.',
      schema: THREADS,
    },
    {
      name: 'provider',
      value: 'NAME',
      help: 'ONNX Runtime’s; as EXECUTION_PROVIDER or else auto.',
      schema: PROVIDER,
    },
    { name: 'server', value: 'URL', help: 'Let a server do it; LORA_SQUEEZE_URL unless said.' },
    {
      name: 'key',
      value: 'KEY',
      help: 'Key for the server; better in LORA_SQUEEZE_KEY, where no process list shows it.',
    },
    { name: 'local', help: 'Do it here, whatever LORA_SQUEEZE_URL says.' },
  ],
};

/**
 * The engine that options and environment name.
 * @throws UsageError for values that cannot be, or that do not go together; ConfigError for the environment
 */
export function openEngine(args: Arguments): Engine {
  const environment = cliEnvironment();
  const named = text(args, 'server');
  const isLocal = isSet(args, 'local');
  if (isLocal && named !== undefined) throw new UsageError('--local and --server cannot be said together');
  const url = isLocal ? undefined : (named ?? environment.serverUrl);
  const threads = text(args, 'threads');
  const provider = text(args, 'provider');
  if (url === undefined) {
    const ofServers = ['key', ...RESULT_GROUP.options.map(({ name }) => name)];
    const lost = ofServers.find((name) => args.values[name] !== undefined);
    if (lost !== undefined) throw new UsageError(`--${lost} is for a server: say --server as well`);
    const config = loadRolelessConfig();
    return new LocalEngine({
      provider: provider === undefined ? config.executionProvider : providerOf(provider),
      threads:
        threads === undefined ? config.computeThreads : (fieldValue('--threads', threads, THREADS) as number),
      cudaMemoryBytes: config.cudaMemoryBytes,
    });
  }
  const server = serverUrl(url, named === undefined ? 'LORA_SQUEEZE_URL' : '--server');
  if (threads !== undefined || provider !== undefined) {
    throw new UsageError(`--${threads === undefined ? 'provider' : 'threads'} is up to the server ${server}`);
  }
  const key = text(args, 'key') ?? environment.key;
  if (key !== undefined && !VISIBLE.test(key))
    throw new UsageError('the key may hold visible ASCII characters only');
  return new RemoteEngine(server, key);
}

const providerOf = (value: string) => fieldValue('--provider', value, PROVIDER) as (typeof PROVIDERS)[number];

/** Without the slash at its end. One that is refused is not told back: it may hold a password. */
function serverUrl(value: string, where: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`${where} must be an http:// or https:// URL`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new UsageError(`${where} must not hold a user or password; the key goes into LORA_SQUEEZE_KEY`);
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}
