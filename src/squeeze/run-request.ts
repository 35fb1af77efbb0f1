import type { ComputePool } from '../compute/pool.ts';
import type { WorkRequest } from '../contract/job-request.ts';
import { analyze } from './analyze/analyze.ts';
import type { JobContext, JobOutcome, SourceFiles, SqueezeInput } from './job-context.ts';
import { merge } from './merge/merge.ts';
import { squeeze } from './squeeze.ts';

/** A requested job, with the adapters that it names. */
export interface RequestInput extends JobContext {
  readonly request: WorkRequest;
  /** By adapter id. */
  readonly sources: ReadonlyMap<string, SourceFiles>;
  /** Local file of the moments that were sent with a checkpoint. */
  readonly optimizerPath: string | null;
}

/**
 * Executes a request of any kind.
 * @throws AppError for every fault of the input or the result, CANCELLED if the signal is aborted
 */
export async function runRequest(input: RequestInput, pool: ComputePool): Promise<JobOutcome> {
  const { request, sources, optimizerPath, ...context } = input;
  switch (request.kind) {
    case 'squeeze':
    case 'checkpoint': {
      const { weightsPath, configBytes, ...source } = sources.get(request.adapter_id)!;
      return squeeze(
        {
          ...context,
          kind: request.kind,
          sources: [{ ...source, weight: 1 }],
          weightsPath,
          configBytes,
          targets: request.targets,
          options: request.options ?? {},
          ...optimizerOf(request, optimizerPath),
        },
        pool,
      );
    }
    case 'analyze':
      return analyze({ ...context, source: sources.get(request.adapter_id)! }, pool);
    case 'merge': {
      const parts = request.sources.map(({ adapter_id, weight }) => ({
        ...sources.get(adapter_id)!,
        weight: weight ?? 1,
      }));
      return merge({ ...context, parts, targets: request.targets, options: request.options ?? {} }, pool);
    }
  }
}

function optimizerOf(request: WorkRequest, path: string | null): Pick<SqueezeInput, 'optimizer'> {
  if (request.kind !== 'checkpoint' || !request.optimizer || !path) return {};
  return { optimizer: { path, mode: request.optimizer.mode } };
}
