import type { Config } from './config.ts';

/** What a compute process needs of the configuration: nothing of Redis, the database and keys of the API. */
export type ComputeSettings = Pick<
  Config,
  | 'cudaMemoryBytes'
  | 'computeThreads'
  | 'executionProvider'
  | 'hubEndpoint'
  | 'hubToken'
  | 'logLevel'
  | 'maxUploadBytes'
  | 'outbound'
  | 's3'
  | 'secretsKey'
  | 'storageDir'
  | 'storageIdleTimeoutMs'
  | 'tracing'
>;

const VARIABLE = 'COMPUTE_SETTINGS';

/**
 * The environment of a compute process: ours, with what was read of it once, so that reading and judging the
 * configuration costs the start of that process nothing. The addresses of Redis and the database, which may hold
 * passwords, are not in it. It has what the AWS SDK and the Hub ask for: it is where transfers go as the service itself.
 */
export function computeEnvironment(config: Config, env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const inherited = { ...env };
  for (const name of ['REDIS_URL', 'DATABASE_URL', 'ADMIN_KEY', 'SECRETS_KEY', 'HF_TOKEN'])
    delete inherited[name];
  const { cudaMemoryBytes, computeThreads, executionProvider, hubEndpoint, hubToken, logLevel } = config;
  const { maxUploadBytes, outbound, s3, secretsKey, storageDir, storageIdleTimeoutMs, tracing } = config;
  const settings = {
    ...{ cudaMemoryBytes, computeThreads, executionProvider, hubEndpoint, hubToken, logLevel },
    ...{ maxUploadBytes, outbound, s3, storageDir, storageIdleTimeoutMs, tracing },
    // Also one that was made and not given.
    secretsKey: secretsKey && Buffer.from(secretsKey).toString('base64'),
  };
  return { ...inherited, [VARIABLE]: JSON.stringify(settings), ...withoutTelemetry(env) };
}

/** What `computeEnvironment` has written. */
export function computeSettings(env: NodeJS.ProcessEnv = process.env): ComputeSettings {
  const { secretsKey, ...settings } = JSON.parse(env[VARIABLE]!) as Omit<ComputeSettings, 'secretsKey'> & {
    readonly secretsKey?: string;
  };
  return {
    ...settings,
    secretsKey: secretsKey === undefined ? undefined : Buffer.from(secretsKey, 'base64'),
  };
}

/**
 * ONNX Runtime for Linux has an uploader of usage data built in (PosixTelemetry). This service sends nothing to anybody
 * unless it is told to.
 */
const withoutTelemetry = ({ ORT_DISABLE_TELEMETRY = '1' }: NodeJS.ProcessEnv) => ({ ORT_DISABLE_TELEMETRY });

/** Turns it off in this process, before ONNX Runtime is first used here. */
export function disableTelemetry(): void {
  Object.assign(process.env, withoutTelemetry(process.env));
}
