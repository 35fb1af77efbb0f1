/** Loads ONNX Runtime as a compute process would, sends the result to the parent, and ends. */

import { resolveProvider } from '../engine/provider.ts';
import { toPlainError } from '../errors/app-error.ts';
import type { ProbeAnswer } from '../queue/job-processing.ts';
import { computeSettings } from './compute-settings.ts';

const { executionProvider, computeThreads } = computeSettings();
const answer: ProbeAnswer = await resolveProvider(executionProvider).then(
  (provider) => ({ provider: { ...provider, threads: computeThreads } }),
  (error: unknown) => ({ error: toPlainError(error) }),
);
// Only the channel to the parent keeps this process alive.
process.send!(answer, () => process.disconnect());
