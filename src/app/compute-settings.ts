import type { Config } from './config.ts';
import { OUR_SECRET_VARIABLES } from './secret-variables.ts';

/**
 * The part of the configuration that a compute process needs: nothing about Redis, the database and keys of the API.
 */
export type ComputeSettings = Pick<
  Config,
  | 'cudaMemoryBytes'
  | 'computeThreads'
  | 'computeWarmUp'
  | 'executionProvider'
  | 'hubEndpoint'
  | 'hubToken'
  | 'logLevel'
  | 'maxUploadBytes'
  | 'outbound'
  | 's3'
  | 'secrets'
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
  for (const name of OUR_SECRET_VARIABLES) delete inherited[name];
  const { cudaMemoryBytes, computeThreads, computeWarmUp, executionProvider, hubEndpoint, hubToken } = config;
  const { logLevel, maxUploadBytes, outbound, s3, secrets, storageDir, storageIdleTimeoutMs, tracing } =
    config;
  const settings = {
    ...{ cudaMemoryBytes, computeThreads, computeWarmUp, executionProvider, hubEndpoint, hubToken },
    ...{ logLevel, maxUploadBytes, outbound, s3, storageDir, storageIdleTimeoutMs, tracing },
    // Also keys that were made and not given. It opens what was sealed with them later on as well.
    secrets: {
      values: { SECRETS_KEYS: secrets.values.SECRETS_KEYS },
      files: { SECRETS_KEYS: secrets.files.SECRETS_KEYS },
    },
  };
  return { ...inherited, [VARIABLE]: JSON.stringify(settings), ...withoutTelemetry(env) };
}

/** What `computeEnvironment` has written. */
export function computeSettings(env: NodeJS.ProcessEnv = process.env): ComputeSettings {
  return JSON.parse(env[VARIABLE]!) as ComputeSettings;
}

/** ONNX Runtime for Linux can upload usage data (PosixTelemetry). This service sends none unless configured to. */
const withoutTelemetry = ({ ORT_DISABLE_TELEMETRY = '1' }: NodeJS.ProcessEnv) => ({ ORT_DISABLE_TELEMETRY });

/** Turns it off in this process, before ONNX Runtime is first used here. */
export function disableTelemetry(): void {
  Object.assign(process.env, withoutTelemetry(process.env));
}
