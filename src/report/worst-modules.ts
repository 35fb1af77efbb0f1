import { targetsOf } from '../charts/succeeded.ts';
import type { ReportInput } from './report-input.ts';

export interface ModuleLoss {
  /** Of the module in `report.modules`. */
  readonly index: number;
  /** Its largest relative error over all results; of an analysis, at the rank that is recommended for all. */
  readonly error: number;
}

/** All modules, those that lose most first. */
export function errorsOf({ report }: ReportInput): ModuleLoss[] {
  const { modules, analysis } = report;
  const targets = targetsOf(report);
  const rank = analysis?.uniform.rank.max ?? 1;
  return modules
    .map(({ energy_curve: curve }, index) => ({
      index,
      error:
        targets.length > 0
          ? targets.reduce((most, target) => Math.max(most, target.modules[index]?.relative_error ?? 0), 0)
          : Math.sqrt(Math.max(0, 1 - (curve[rank - 1] ?? 1))),
    }))
    .sort((x, y) => y.error - x.error || x.index - y.index);
}
