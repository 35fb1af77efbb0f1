import type { AdaptivePlan } from './adaptive-plan.ts';
import { earliestSqueezeStep } from './decide-adaptive.ts';
import type { Position } from './lineage.ts';
import type { RunManifest } from './run-manifest.ts';

/** What the next checkpoint depends on. */
export interface Progress extends Pick<Position, 'lastSqueezeStep'> {
  /** Of the newest checkpoint, null before the first. */
  readonly step: number | null;
  /** As in Position, or that of the squeeze under way. */
  readonly stageRank: number;
}

/** When the trainer should send its next checkpoint: null when no squeeze is left to do. */
export function nextCheckpointStep({ schedule, adaptive }: RunManifest, progress: Progress): number | null {
  // Whatever the reason that the rank is still too high for its stage: its squeeze is the next one, and overdue.
  if (schedule) return schedule.squeezes.find(({ to_rank }) => to_rank < progress.stageRank)?.step ?? null;
  return nextLook(adaptive!, progress);
}

function nextLook(plan: AdaptivePlan, { step, stageRank, lastSqueezeStep }: Progress): number | null {
  if (stageRank <= plan.target_rank) return null;
  const allowed = earliestSqueezeStep(plan, { lastSqueezeStep });
  const next = step === null || step < allowed ? allowed : step + plan.check_every_steps;
  return next > plan.last_squeeze_step - plan.min_stage_steps ? plan.last_squeeze_step : next;
}
