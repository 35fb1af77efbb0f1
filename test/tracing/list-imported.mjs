/** Hooks of Node's loader: writes the address of every module that is imported to the file it is given. */
import { appendFileSync } from 'node:fs';

let list;

export function initialize(file) {
  list = file;
}

export function load(url, context, nextLoad) {
  appendFileSync(list, `${url}\n`);
  return nextLoad(url, context);
}
