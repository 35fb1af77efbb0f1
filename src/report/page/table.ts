import { type Html, html, when } from '../html.ts';

export interface Column {
  readonly title: string;
  /** Of numbers: to the right. */
  readonly isNumber?: boolean;
}

/**
 * A table that scrolls on its own where the page is narrow, by keyboard too (WCAG 2.2, 2.1.1). The first column heads
 * the rows.
 * @param label what the table is of
 */
export const table = (
  label: string,
  columns: readonly Column[],
  rows: readonly (readonly Html[])[],
): Html => html`
<div class="scroll" role="region" aria-label="${label}: table" tabindex="0"><table>
<thead><tr>${columns.map(({ title, isNumber }) => html`<th scope="col"${when(isNumber, numeric)}>${title}</th>`)}</tr></thead>
<tbody>
${rows.map((cells) => html`<tr>${cells.map((cell, index) => cellOf(cell, index, columns[index]!))}</tr>\n`)}</tbody>
</table></div>`;

const cellOf = (content: Html, index: number, { isNumber }: Column): Html =>
  index === 0 ? html`<th scope="row">${content}</th>` : html`<td${when(isNumber, numeric)}>${content}</td>`;

const numeric = (): Html => html` class="n"`;
