/** A compute thread: takes one task at a time, in its own sessions. Started by ComputePool. */
import { parentPort, workerData } from 'node:worker_threads';
import type { ProviderInfo } from '../contract/job.ts';
import { Kernels } from '../engine/kernels.ts';
import { resolveProvider } from '../engine/provider.ts';
import { toPlainError } from '../errors/app-error.ts';
import { carry } from './carry-task.ts';
import { decompose } from './decompose-task.ts';
import { derive } from './derive/derive-task.ts';
import { FactorReader } from './factor-files.ts';
import { project } from './project-task.ts';
import { stack } from './stack-task.ts';
import { sum } from './sum-task.ts';
import type { ComputeTask, TaskMessage, TaskResults, ThreadMessage } from './tasks.ts';

const { requested } = workerData as { requested: ProviderInfo['requested'] };
const port = parentPort!;
const send = (message: ThreadMessage): void => port.postMessage(message);

try {
  const provider = await resolveProvider(requested);
  const kernels = new Kernels(provider.name);
  const reader = new FactorReader();
  port.on('message', async ({ id, task }: TaskMessage) => {
    try {
      send({ type: 'done', id, result: await result(id, task) });
    } catch (error) {
      send({ type: 'failed', id, error: toPlainError(error) });
    }
  });
  const result = async (id: number, task: ComputeTask): Promise<TaskResults[ComputeTask['kind']]> => {
    switch (task.kind) {
      case 'decompose':
        return decompose(task, kernels, reader, (modules) => send({ type: 'grams', id, modules }));
      case 'project':
        return project(task, kernels, reader);
      case 'carry':
        return carry(task, kernels, reader);
      case 'stack':
        return stack(task, kernels, reader);
      case 'sum':
        return sum(task, kernels);
      case 'derive':
        return derive(task, kernels);
    }
  };
  send({ type: 'ready', provider });
} catch (error) {
  send({ type: 'broken', error: toPlainError(error) });
}
