import type { AdapterRecord } from '../contract/adapter.ts';
import type { JobRecord } from '../contract/job.ts';
import type { Report } from '../contract/report.ts';
import { standaloneFigure } from './figures.ts';
import { reportPage } from './page/page.ts';
import { renderPng } from './png.ts';
import type { FigureName } from './report-input.ts';

/** The form in which a report is requested. */
export type ReportForm =
  | { readonly as: 'html' /** Read where the service answers, not as a file. */; readonly isServed: boolean }
  | { readonly as: 'svg' | 'png'; readonly figure: FigureName };

export interface RenderRequest {
  readonly form: ReportForm;
  /** The report as it is stored: JSON in UTF-8. */
  readonly report: Uint8Array;
  readonly job: JobRecord;
  readonly adapters: readonly AdapterRecord[];
}

export interface Rendered {
  readonly bytes: Uint8Array;
  /** Content-Security-Policy of the response, if it needs one of its own. */
  readonly policy?: string;
}

/** Renders a report. The same request always gives the same bytes. */
export function render({ form, report: bytes, job, adapters }: RenderRequest): Rendered {
  const report = JSON.parse(
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'),
  ) as Report;
  const input = { job, report, adapters };
  if (form.as === 'html') {
    const { text, policy } = reportPage(input, form.isServed);
    return { bytes: Buffer.from(text), policy };
  }
  const svg = standaloneFigure(input, form.figure);
  return { bytes: form.as === 'svg' ? Buffer.from(svg) : renderPng(svg) };
}
