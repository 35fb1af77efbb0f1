import { withUnit } from '../../charts/format.ts';
import { displayText, MAX_SHOWN } from '../display-text.ts';
import { type Html, html, when } from '../html.ts';

/** A name from a file, isolated from the direction of the text around it. */
export const name = (text: string, maximum = MAX_SHOWN): Html =>
  html`<bdi><code>${displayText(text, maximum)}</code></bdi>`;

/** An id or a digest, which scrolls instead of being cut. */
export const id = (text: string): Html => html`<span class="id">${name(text)}</span>`;

/** A sentence that may contain names from untrusted files. */
export const sentence = (text: string): Html => html`<bdi>${displayText(text, 600)}</bdi>`;

export const formatInteger = (value: number): string => value.toLocaleString('en-US');

export const formatRankRange = ({ min, max }: { readonly min: number; readonly max: number }): string =>
  min === max ? String(min) : `${min}–${max}`;

/** 2.31 s, 184 ms, 3 min 20 s. */
export function formatDuration(value: number): string {
  if (value >= 120)
    return `${withUnit(Math.floor(value / 60), 'min')} ${withUnit(Math.round(value % 60), 's')}`;
  return value >= 1
    ? withUnit(value.toFixed(value >= 10 ? 1 : 2), 's')
    : withUnit(Math.round(value * 1000), 'ms');
}

/** A number with four significant digits. */
export const formatNumber = (value: number): string =>
  value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6)
    ? value.toExponential(2)
    : String(Number(value.toPrecision(4)));

/** A time to the minute, in UTC. */
export const formatTime = (iso: string): string => `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;

export interface Column {
  readonly title: string;
  /** Columns of numbers are aligned to the right. */
  readonly isNumber?: boolean;
}

/**
 * A table. If it is wider than its page, it scrolls separately, also with the keyboard (WCAG 2.2, 2.1.1). On a phone each
 * row of a short table becomes a list, with the title of its column before every value. The first column has the headings
 * of the rows.
 * @param label describes the content of the table
 */
export const table = (
  label: string,
  columns: readonly Column[],
  rows: readonly (readonly Html[])[],
  { isLong = false } = {},
): Html => html`
<div class="scroll${isLong ? '' : ' short'}" role="region" aria-label="${label}: table" tabindex="0"><table>
<thead><tr>${columns.map(({ title, isNumber }) => html`<th scope="col"${when(isNumber, numeric)}>${title}</th>`)}</tr></thead>
<tbody>
${rows.map((cells) => html`<tr>${cells.map((cell, index) => (index === 0 ? headOf(cell) : cellOf(cell, columns[index]!, isLong)))}</tr>\n`)}</tbody>
</table></div>`;

const headOf = (content: Html): Html => html`<th scope="row">${content}</th>`;

const cellOf = (content: Html, { title, isNumber }: Column, isLong: boolean): Html =>
  isLong
    ? html`<td${when(isNumber, numeric)}>${content}</td>`
    : html`<td${when(isNumber, numeric)} data-title="${title}"><div>${content}</div></td>`;

const numeric = (): Html => html` class="n"`;
