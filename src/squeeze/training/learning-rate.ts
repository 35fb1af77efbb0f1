import type { ModulePlan, ScaleMode } from '../../adapter/adapter.ts';
import { remainingScale } from '../../adapter/remaining-scale.ts';
import type { WrittenModule } from '../../compute/project-task.ts';
import type { Decomposition } from '../../engine/kernel-types.ts';

/** The expected ‖row‖² of a revived row of A; see revive. */
const REVIVED_ROW = 1 / 3;

/**
 * The factor that keeps the size of a step in ΔW, for optimizers whose step size does not depend on the gradient:
 * Adam moves every entry by about the learning rate η. With effectively random signs, δΔW = s·(δB·A + B·δA) then has
 * ‖δΔW‖² ≈ (s·η)²·(m·‖A‖² + n·‖B‖²). Both sides are summed over the modules.
 * @param written null if a module is copied
 */
export function learningRateFactor(
  plans: readonly ModulePlan[],
  scale: ScaleMode,
  decompositions: readonly Decomposition[],
  written: readonly (WrittenModule | null)[],
): number {
  let before = 0;
  let after = 0;
  for (const [index, { module, rank }] of plans.entries()) {
    const { m, n } = module;
    const { energyA, energyB } = decompositions[index]!;
    const own = module.scale ** 2 * (m * energyA + n * energyB);
    const now = written[index];
    const left = remainingScale(scale, module, rank);
    before += own;
    after += now ? left ** 2 * (m * (now.energyA + now.revived * REVIVED_ROW) + n * now.energyB) : own;
  }
  return before > 0 && after > 0 ? Math.sqrt(before / after) : 1;
}
