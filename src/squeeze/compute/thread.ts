/** A compute thread: takes one task at a time, in its own sessions. Started by ComputePool. */
import { parentPort, workerData } from 'node:worker_threads';
import type { ProviderInfo } from '../../contract/job.ts';
import { Kernels } from '../../engine/kernels.ts';
import { resolveProvider } from '../../engine/provider.ts';
import { toPlainError } from '../../errors.ts';
import { FactorReader } from './factor-files.ts';
import { decompose, project } from './run-task.ts';
import type { TaskMessage, ThreadMessage } from './tasks.ts';

const { requested } = workerData as { requested: ProviderInfo['requested'] };
const port = parentPort!;
const send = (message: ThreadMessage): void => port.postMessage(message);

try {
  const provider = await resolveProvider(requested);
  const kernels = new Kernels(provider.name);
  const reader = new FactorReader();
  port.on('message', async ({ id, task }: TaskMessage) => {
    try {
      const result =
        task.kind === 'decompose'
          ? await decompose(task, kernels, reader, (module) => send({ type: 'gram', id, module }))
          : await project(task, kernels, reader);
      send({ type: 'done', id, result });
    } catch (error) {
      send({ type: 'failed', id, error: toPlainError(error) });
    }
  });
  send({ type: 'ready', provider });
} catch (error) {
  send({ type: 'broken', error: toPlainError(error) });
}
