import type { AdapterRecord } from '../contract/adapter.ts';
import type { JobRecord } from '../contract/job.ts';
import type { Report } from '../contract/report.ts';

/** What a report is made from. */
export interface ReportInput {
  readonly job: JobRecord;
  readonly report: Report;
  /** The sources and results that are still there, in any order. */
  readonly adapters: readonly AdapterRecord[];
}

export const FIGURES = ['error-by-rank', 'heatmap', 'sizes'] as const;
/** A chart that can be had on its own. */
export type FigureName = (typeof FIGURES)[number];

export const adapterOf = ({ adapters }: ReportInput, id: string): AdapterRecord | undefined =>
  adapters.find((adapter) => adapter.id === id);
