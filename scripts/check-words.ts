// Looks for the words and phrases that docs/glossary.md asks not to use, in every text that users see. Occurrences that
// were there before are listed in scripts/known-words.json; the list may only become shorter.
//   npm run words               fails where a text has more of them than the list knows
//   npm run words -- --shrink   takes what is gone from the list
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Occurrence, occurrences, phrasesOf, publicTexts } from './words.ts';

const ROOT = join(import.meta.dirname, '..');
const KNOWN_FILE = join(ROOT, 'scripts/known-words.json');

/** How often each file has each phrase. */
type Counts = Record<string, Record<string, number>>;

/** Folders of texts for users, besides the files at the top. */
const FOLDERS = ['clients', 'deploy', 'docs', 'examples', 'scripts', 'src', 'web'];

const files = ['', ...FOLDERS.filter((folder) => existsSync(join(ROOT, folder)))].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: folder !== '', encoding: 'utf8' })
    .filter((path) => !path.includes('node_modules'))
    .map((path) => join(folder, path)),
);
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const phrases = phrasesOf(read('docs/glossary.md'));
const found = publicTexts(files).flatMap((path) => occurrences(path, read(path), phrases));
const known = JSON.parse(read('scripts/known-words.json')) as Counts;
const counts = countsOf(found);

const added = found.filter(
  ({ path, phrase }) => countIn(counts, path, phrase) > countIn(known, path, phrase),
);
for (const { path, line, phrase, text } of added) console.error(`${path}:${line}: "${phrase}" in: ${text}`);

if (process.argv.includes('--shrink')) {
  writeFileSync(KNOWN_FILE, `${JSON.stringify(lower(known, counts), null, 2)}\n`);
} else if (added.length === 0 && isLonger(known, counts)) {
  console.error(
    'scripts/known-words.json lists words that are gone: run `npm run words -- --shrink` and commit it.',
  );
  process.exitCode = 1;
}
if (added.length > 0) {
  console.error(`\n${added.length} words or phrases to write in another way; docs/glossary.md says how.`);
  process.exitCode = 1;
}

function countsOf(list: readonly Occurrence[]): Counts {
  const result: Counts = {};
  for (const { path, phrase } of list) {
    result[path] = { ...result[path], [phrase]: countIn(result, path, phrase) + 1 };
  }
  return result;
}

function countIn(all: Counts, path: string, phrase: string): number {
  return all[path]?.[phrase] ?? 0;
}

function isLonger(list: Counts, now: Counts): boolean {
  return Object.entries(list).some(([path, file]) =>
    Object.entries(file).some(([phrase, count]) => count > countIn(now, path, phrase)),
  );
}

function lower(list: Counts, now: Counts): Counts {
  const files = Object.entries(list).map(([path, file]) => {
    const kept = Object.entries(file).map(
      ([phrase, count]) => [phrase, Math.min(count, countIn(now, path, phrase))] as const,
    );
    return [path, Object.fromEntries(kept.filter(([, count]) => count > 0))] as const;
  });
  return Object.fromEntries(files.filter(([, file]) => Object.keys(file).length > 0));
}
