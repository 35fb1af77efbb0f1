import type { Provider } from '../engine/provider.ts';
import type { PlainError } from '../errors/app-error.ts';
import type { CarryTask } from './carry-task.ts';
import type { DecomposeResult, DecomposeTask } from './decompose-task.ts';
import type { DeriveTask } from './derive/derive-context.ts';
import type { DeriveResult } from './derive/derive-task.ts';
import type { PhaseSeconds } from './phase-seconds.ts';
import type { ProjectResults, ProjectTask } from './project-task.ts';
import type { StackTask } from './stack-task.ts';
import type { SumTask } from './sum-task.ts';

export type ComputeTask = DecomposeTask | ProjectTask | StackTask | SumTask | CarryTask | DeriveTask;

export interface TaskResults {
  decompose: DecomposeResult;
  project: ProjectResults;
  stack: { readonly phaseSeconds: PhaseSeconds };
  sum: { readonly phaseSeconds: PhaseSeconds };
  carry: { readonly phaseSeconds: PhaseSeconds };
  derive: DeriveResult;
}

/** A message from the pool to a thread. */
export interface TaskMessage {
  readonly id: number;
  readonly task: ComputeTask;
}

/** A message from a thread to the pool. */
export type ThreadMessage =
  | { readonly type: 'ready'; readonly provider: Provider }
  | { readonly type: 'broken'; readonly error: PlainError }
  | { readonly type: 'grams'; readonly id: number; readonly modules: readonly string[] }
  | { readonly type: 'done'; readonly id: number; readonly result: TaskResults[ComputeTask['kind']] }
  | { readonly type: 'failed'; readonly id: number; readonly error: PlainError };
