import { readFile, writeFile } from 'node:fs/promises';

const END = '<!-- end of results -->';

/**
 * Puts `markdown` between the mark of `writer` and the next end mark of a page, and leaves the prose around
 * them unchanged; creates the page if it does not exist. A page may have several writers.
 * @param writer path of the program that writes there, as the mark names it
 * @throws Error if the page lacks the marks
 */
export async function writeBetweenMarks(path: string, writer: string, markdown: string): Promise<void> {
  const mark = `<!-- results: written by ${writer} -->`;
  const page = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return `${mark}\n${END}\n`;
    throw error;
  });
  const begin = page.indexOf(mark);
  const end = page.indexOf(END, begin);
  if (begin < 0 || end < 0) throw new Error(`${path} lacks the marks "${mark}" and "${END}"`);
  await writeFile(path, `${page.slice(0, begin + mark.length)}\n\n${markdown}\n\n${page.slice(end)}`);
}
