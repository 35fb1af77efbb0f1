import { key } from '../state/key.ts';
import { request } from './request.ts';

/**
 * Saves what the service has at a path. Without a key the browser does it by itself, whatever the size; with one the file
 * is fetched first, because a link cannot carry a key.
 * @throws ProblemError
 */
export async function download(path: string, filename: string): Promise<void> {
  if (key.value === '') return save(path, filename);
  const url = URL.createObjectURL(await (await request(path)).blob());
  save(url, filename);
  // The browser has begun to read it by then.
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
