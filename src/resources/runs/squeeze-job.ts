import type { CheckpointJobRequest } from '../../contract/job-request.ts';
import type { Target } from '../../contract/target.ts';
import type { CheckpointManifest, RunManifest } from './run-manifest.ts';

/**
 * The target of a run's squeeze: a rank or a criterion on the spectrum, and the form that a trainer needs: the
 * scaling unchanged, singular values in both factors, and the projections for everything else in the old basis.
 */
export const squeezeTarget = ({ request }: RunManifest, goal: Target): Target => ({
  ...goal,
  scale: request.alpha ?? 'keep',
  split: 'balanced',
  revive: request.revive ?? true,
  projections: true,
});

/** The job of a checkpoint. It only depends on stored records, so it can be submitted again. */
export function squeezeJob({ request }: RunManifest, checkpoint: CheckpointManifest): CheckpointJobRequest {
  const { run_id, step, source_adapter_id, optimizer_sha256, target } = checkpoint;
  return {
    kind: 'checkpoint',
    run_id,
    step,
    adapter_id: source_adapter_id!,
    targets: [target!],
    // The factors of a training are so small that "exact" costs no more.
    options: { method: 'exact', ...request.options },
    ...(request.results && { results: request.results }),
    optimizer:
      optimizer_sha256 === null ? null : { sha256: optimizer_sha256, mode: request.optimizer ?? 'carry' },
  };
}
