import { readFile, writeFile } from 'node:fs/promises';

const END = '<!-- end of results -->';

/**
 * Replaces what stands between the mark of `writer` and the next end mark; the prose around it stays.
 * @param writer path of the program that writes there, as the mark names it
 * @throws Error when the page lacks the marks
 */
export async function writeBetween(path: string, writer: string, markdown: string): Promise<void> {
  const page = await readFile(path, 'utf8');
  const mark = `<!-- results: written by ${writer} -->`;
  const begin = page.indexOf(mark);
  const end = page.indexOf(END, begin);
  if (begin < 0 || end < 0) throw new Error(`${path} lacks the marks "${mark}" and "${END}"`);
  await writeFile(path, `${page.slice(0, begin + mark.length)}\n\n${markdown}\n\n${page.slice(end)}`);
}
