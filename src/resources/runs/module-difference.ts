import { quote } from '../../json/quote.ts';

/** Where two module lists (see ModuleList) differ first, in words. */
export function moduleDifference(bytesBefore: Uint8Array, bytesNow: Uint8Array): string {
  const [before, now] = [shapesIn(bytesBefore), shapesIn(bytesNow)];
  for (const [name, shape] of before) {
    const other = now.get(name);
    if (other === undefined) return `module ${quote(name)} is missing`;
    if (other !== shape) return `module ${quote(name)} is ${other}, it was ${shape}`;
  }
  const added = [...now.keys()].find((name) => !before.has(name));
  return added === undefined ? 'the modules differ' : `module ${quote(added)} is new`;
}

const shapesIn = (bytes: Uint8Array): Map<string, string> =>
  new Map(JSON.parse(Buffer.from(bytes).toString('utf8')) as [string, string][]);
