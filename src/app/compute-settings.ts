import type { Config } from './config.ts';
import { OWN_SECRET_VARIABLES } from './secret-variables.ts';

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
 * The environment of a compute process: that of this process, with the configuration that was read from it, so that
 * the child need not read and check it again. The addresses of Redis and the database, which may contain passwords,
 * are removed. The variables of the AWS SDK and the Hub stay, because transfers with the service's own identity run
 * there.
 */
export function computeEnvironment(config: Config, env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const inherited = { ...env };
  for (const name of OWN_SECRET_VARIABLES) delete inherited[name];
  const { cudaMemoryBytes, computeThreads, computeWarmUp, executionProvider, hubEndpoint, hubToken } = config;
  const { logLevel, maxUploadBytes, outbound, s3, secrets, storageDir, storageIdleTimeoutMs, tracing } =
    config;
  const settings = {
    ...{ cudaMemoryBytes, computeThreads, computeWarmUp, executionProvider, hubEndpoint, hubToken },
    ...{ logLevel, maxUploadBytes, outbound, s3, storageDir, storageIdleTimeoutMs, tracing },
    // Includes keys that the service created itself. Values that are encrypted with them later can be decrypted as well.
    secrets: {
      values: { SECRETS_KEYS: secrets.values.SECRETS_KEYS },
      files: { SECRETS_KEYS: secrets.files.SECRETS_KEYS },
    },
  };
  return { ...inherited, [VARIABLE]: JSON.stringify(settings), ...withoutTelemetry(env) };
}

/** The settings that `computeEnvironment` has written. */
export function computeSettings(env: NodeJS.ProcessEnv = process.env): ComputeSettings {
  return JSON.parse(env[VARIABLE]!) as ComputeSettings;
}

/** ONNX Runtime for Linux can upload usage data (PosixTelemetry). This service sends none unless configured to. */
const withoutTelemetry = ({ ORT_DISABLE_TELEMETRY = '1' }: NodeJS.ProcessEnv) => ({ ORT_DISABLE_TELEMETRY });

/** Disables it in this process, before ONNX Runtime is first used here. */
export function disableTelemetry(): void {
  Object.assign(process.env, withoutTelemetry(process.env));
}
