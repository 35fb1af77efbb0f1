import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { ProviderInfo } from '../contract/job.ts';
import { AppError, fromPlainError, type PlainError } from '../errors/app-error.ts';
import { PROVIDER_PROBE } from '../places.ts';

/** What the probe process sends. */
export type ProbeAnswer = { readonly provider: ProviderInfo } | { readonly error: PlainError };

/**
 * Finds out where jobs will be computed, before the first one comes. In a process of its own, because ONNX Runtime
 * (and with it the GPU's memory) must not be loaded here.
 * @param computeEnv environment of the compute processes
 * @throws AppError PROVIDER_UNAVAILABLE when the provider asked for does not run
 */
export async function probeProvider(computeEnv: NodeJS.ProcessEnv): Promise<ProviderInfo> {
  const probe = fork(PROVIDER_PROBE, { env: computeEnv, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  let answer: ProbeAnswer | undefined;
  probe.once('message', (message) => {
    answer = message as ProbeAnswer;
  });
  const [code, signal] = await once(probe, 'close');
  if (!answer) {
    throw new AppError(
      'PROVIDER_UNAVAILABLE',
      `ONNX Runtime cannot be loaded: its probe ended with ${signal ?? code}.`,
    );
  }
  if ('error' in answer) throw fromPlainError(answer.error);
  return answer.provider;
}
