import { withUnit } from '../charts/format.ts';
import { counted } from '../errors/counted.ts';

export const formatSeconds = (value: number): string => withUnit(value.toFixed(2), 's');

export const formatRange = ({ min, max }: { readonly min: number; readonly max: number }): string =>
  min === max ? `${max}` : `${min}–${max}`;

export const formatThreads = ({ threads }: { readonly threads: number }): string =>
  counted(threads, 'thread');

/** The smallest and the largest of some values. */
export const minMax = (values: readonly number[]): { min: number; max: number } => ({
  min: Math.min(...values),
  max: Math.max(...values),
});

/** A table whose columns are as wide as needed; those whose head begins with ">" are aligned to the right. */
export function textTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const titles = head.map((title) => title.replace(/^>/, ''));
  const widths = titles.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (head[i]!.startsWith('>') ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd();
  return [line(titles), line(widths.map((width) => '─'.repeat(width))), ...rows.map(line)].join('\n');
}

/** Breaks a text into lines between words. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
