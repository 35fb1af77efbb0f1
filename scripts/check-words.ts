// Looks for the words and phrases that docs/glossary.md asks not to use, in every text that users see:
//   npm run words
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { occurrences, phrasesOf, publicTexts } from './words.ts';

const ROOT = join(import.meta.dirname, '..');

/** Folders with texts for users, besides the files in the root folder. */
const FOLDERS = ['clients', 'deploy', 'docs', 'examples', 'scripts', 'src', 'web'];

const files = ['', ...FOLDERS.filter((folder) => existsSync(join(ROOT, folder)))].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: folder !== '', encoding: 'utf8' })
    .filter((path) => !path.includes('node_modules'))
    .map((path) => join(folder, path)),
);
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const phrases = phrasesOf(read('docs/glossary.md'));
const found = publicTexts(files).flatMap((path) => occurrences(path, read(path), phrases));
for (const { path, line, phrase, text } of found) console.error(`${path}:${line}: "${phrase}" in: ${text}`);
if (found.length > 0) {
  console.error(`\n${found.length} words or phrases to write in another way; docs/glossary.md says how.`);
  process.exitCode = 1;
}
