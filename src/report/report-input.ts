import { succeededTargets } from '../charts/succeeded-targets.ts';
import type { AdapterRecord } from '../contract/adapter.ts';
import type { JobRecord } from '../contract/job.ts';
import type { Report } from '../contract/report.ts';

/** The data from which a report is rendered. */
export interface ReportInput {
  readonly job: JobRecord;
  readonly report: Report;
  /** The sources and results that are still there, in any order. */
  readonly adapters: readonly AdapterRecord[];
}

export const FIGURES = ['error-by-rank', 'heatmap', 'difference', 'sizes'] as const;
/** A chart that can be requested separately. */
export type FigureName = (typeof FIGURES)[number];

export const adapterOf = ({ adapters }: ReportInput, id: string): AdapterRecord | undefined =>
  adapters.find((adapter) => adapter.id === id);

interface ModuleLoss {
  /** Index of the module in `report.modules`. */
  readonly index: number;
  /** Its largest relative error over all results; for an analysis, at the rank that is recommended for all. */
  readonly error: number;
}

/** All modules, those that lose most first. */
export function moduleLosses({ report }: ReportInput): ModuleLoss[] {
  const { modules, analysis } = report;
  const targets = succeededTargets(report);
  const rank = analysis?.uniform.rank.max ?? 1;
  return modules
    .map(({ energy_curve: curve }, index) => ({
      index,
      error:
        targets.length > 0
          ? targets.reduce(
              (maximum, target) => Math.max(maximum, target.modules[index]?.relative_error ?? 0),
              0,
            )
          : Math.sqrt(Math.max(0, 1 - (curve[rank - 1] ?? 1))),
    }))
    .sort((x, y) => y.error - x.error || x.index - y.index);
}
