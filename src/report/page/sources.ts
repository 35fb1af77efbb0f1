import { type Html, html } from '../html.ts';
import { bytesInWords } from '../numbers.ts';
import { adapterOf, type ReportInput } from '../report-input.ts';
import { type Column, table } from './table.ts';
import { digits, id, name, ranks } from './words.ts';

/** The adapters that were read: ids, digests, base models; of a merge their weights. */
export function sourcesSection(input: ReportInput): Html {
  const { kind, sources } = input.report;
  const isMerge = kind === 'merge';
  const columns: Column[] = [
    { title: 'Adapter' },
    ...(isMerge ? [{ title: 'Weight', isNumber: true }] : []),
    { title: 'Base model' },
    { title: 'Format' },
    { title: 'Rank', isNumber: true },
    { title: 'Weights', isNumber: true },
    { title: 'SHA-256 of the weights' },
  ];
  const rows = sources.map(({ id: adapterId, sha256, bytes, base_model: base, weight }) => {
    const record = adapterOf(input, adapterId);
    return [
      id(adapterId),
      ...(isMerge ? [html`${digits(weight)}`] : []),
      base === null ? html`<span class="muted">not said</span>` : name(base),
      html`${record?.format ?? '–'}`,
      html`${record ? ranks(record.ranks) : '–'}`,
      html`${bytesInWords(bytes)}`,
      id(sha256),
    ];
  });
  return html`
<section aria-labelledby="sources"><h2 id="sources">Made from</h2>
${table('Sources', columns, rows)}
</section>`;
}
