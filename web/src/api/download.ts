import { key } from '../state/key.ts';
import { request } from './request.ts';

/**
 * Saves the file at a path of the service. Without a key, the browser downloads files of any size by
 * itself. With a key, the page fetches the file first, because a link cannot carry a key.
 * @throws ProblemError
 */
export async function download(path: string, filename: string): Promise<void> {
  if (key.value === '') return save(path, filename);
  const url = URL.createObjectURL(await (await request(path)).blob());
  save(url, filename);
  // By then the browser has started to read the file.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function save(href: string, filename: string): void {
  const link = document.createElement('a');
  link.href = href;
  link.download = filename;
  document.body.append(link);
  link.click();
  link.remove();
}
