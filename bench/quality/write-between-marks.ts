import { readFile, writeFile } from 'node:fs/promises';

const BEGIN = '<!-- results: written by bench/quality/run.ts -->';
const END = '<!-- end of results -->';

/** Puts `markdown` between the marks of a page and leaves the prose around them; makes the page where there is none. */
export async function writeBetweenMarks(path: string, markdown: string): Promise<void> {
  const page = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return `${BEGIN}\n${END}\n`;
    throw error;
  });
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`${path} lacks the marks "${BEGIN}" and "${END}"`);
  await writeFile(path, `${page.slice(0, begin + BEGIN.length)}\n\n${markdown}\n\n${page.slice(end)}`);
}
