import { loadRolelessConfig } from '../app/config.ts';
import type { Arguments, OptionGroup } from './command.ts';
import { isSet, textOption } from './command.ts';
import { UsageError } from './command-error.ts';
import type { Engine } from './engine.ts';
import { type FieldSchema, fieldValue } from './field-value.ts';
import { LocalEngine } from './local-engine.ts';
import { RemoteEngine } from './remote-engine.ts';
import { RESULT_GROUP } from './result-fields.ts';
import { SERVER_OPTIONS, serverFromArguments } from './server-options.ts';

const THREADS: FieldSchema = { type: 'integer', minimum: 1, maximum: 1024 };
const PROVIDERS = ['auto', 'cpu', 'cuda'] as const;
const PROVIDER: FieldSchema = { anyOf: PROVIDERS.map((name) => ({ const: name })) };

export const ENGINE_GROUP: OptionGroup = {
  title: 'Execution',
  options: [
    {
      name: 'threads',
      value: 'N',
      help: 'Compute threads; default COMPUTE_THREADS, or else all cores.',
      schema: THREADS,
    },
    {
      name: 'provider',
      value: 'NAME',
      help: 'Execution provider of ONNX Runtime; default EXECUTION_PROVIDER, or else auto.',
      schema: PROVIDER,
    },
    ...SERVER_OPTIONS,
    { name: 'local', help: 'Work locally even if LORA_SQUEEZE_URL is set.' },
  ],
};

/**
 * The engine that the options and the environment select.
 * @throws UsageError for values that are not valid or exclude each other; ConfigError for the environment
 */
export function openEngine(args: Arguments): Engine {
  const isLocal = isSet(args, 'local');
  if (isLocal && textOption(args, 'server') !== undefined)
    throw new UsageError('--local and --server cannot be used together');
  const server = isLocal ? undefined : serverFromArguments(args);
  const threads = textOption(args, 'threads');
  const provider = textOption(args, 'provider');
  if (server === undefined) {
    const ofServers = ['key', ...RESULT_GROUP.options.map(({ name }) => name)];
    const lost = ofServers.find((name) => args.values[name] !== undefined);
    if (lost !== undefined) throw new UsageError(`--${lost} is for a server: set --server as well`);
    const config = loadRolelessConfig();
    return new LocalEngine({
      provider: provider === undefined ? config.executionProvider : providerOf(provider),
      threads:
        threads === undefined ? config.computeThreads : (fieldValue('--threads', threads, THREADS) as number),
      cudaMemoryBytes: config.cudaMemoryBytes,
    });
  }
  if (threads !== undefined || provider !== undefined) {
    throw new UsageError(
      `--${threads === undefined ? 'provider' : 'threads'} cannot be used with a server (--server or LORA_SQUEEZE_URL): ${server.url} has a setting of its own`,
    );
  }
  return new RemoteEngine(server.url, server.key);
}

const providerOf = (value: string) => fieldValue('--provider', value, PROVIDER) as (typeof PROVIDERS)[number];
