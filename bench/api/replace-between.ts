export const BEGIN = '<!-- results: written by bench/api/run.ts -->';
export const END = '<!-- end of results -->';

/** A page with other results between its marks; the prose around them stays. @throws Error when it lacks the marks */
export function replaceBetween(page: string, results: string): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`The page lacks the marks "${BEGIN}" and "${END}"`);
  return `${page.slice(0, begin + BEGIN.length)}\n\n${results}\n\n${page.slice(end)}`;
}
