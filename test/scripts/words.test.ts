import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { occurrences, phrasesOf, publicTexts } from '../../scripts/words.ts';

const GLOSSARY = [
  '| term | meaning | not |',
  '|---|---|---|',
  '| fix | To correct a `fault`. | `mend…`, *mend-* |',
  '| phrase | write |',
  '|---|---|',
  '| `for ever` | forever, not `always` |',
  '| `/(?<!there )\\b(is|are) no /` | is not a … |',
].join('\n');

const found = (path: string, text: string): string[] =>
  occurrences(path, text, phrasesOf(GLOSSARY)).map(({ line, phrase }) => `${line}: ${phrase}`);

describe('the words of public texts', () => {
  it('are searched for what the glossary lists', () => {
    assert.deepEqual(found('docs/a.md', 'It was mended.\nIt stays for\n  ever.'), [
      '1: mended',
      '2: for ever',
    ]);
    assert.deepEqual(found('docs/a.md', 'There is no fault, it recommends. This is no rank.'), ['1: is no ']);
    assert.deepEqual(found('docs/a.md', 'A fault stays forever, always. Mend- is a name.'), ['1: mend']);
  });

  it('are those in strings, templates and JSX of sources, not in comments and names', () => {
    const source = `import { mend } from './mend.ts';
      // This is mended for ever.
      const mended = \`for \${x} ever\`;
      throw new Error('cannot be mended');
      const help = \`kept for ever, \${x}\`;`;
    assert.deepEqual(found('src/a.ts', source), ['4: mended', '5: for ever']);
    assert.deepEqual(found('web/src/a.tsx', 'export const A = () => <p title="mend">for ever</p>;'), [
      '1: mend',
      '1: for ever',
    ]);
  });

  it('are in files that users see', () => {
    const seen = [
      'README.md',
      'docs/jobs.md',
      'openapi.yaml',
      'src/errors/app-error.ts',
      'web/src/app.tsx',
      'quickstart.sh',
    ];
    const unseen = ['docs/glossary.md', 'test/a.test.ts', 'bench/run.ts', 'examples/adapters/x/README.md'];
    assert.deepEqual(publicTexts([...seen, ...unseen]), seen);
  });

  it('follow the glossary of this repository', () => {
    const glossary = readFileSync(join(import.meta.dirname, '../../docs/glossary.md'), 'utf8');
    const phrases = phrasesOf(glossary);
    assert.ok(phrases.length > 20);
    assert.deepEqual(
      occurrences('docs/a.md', 'It is told to whoever mends it.', phrases)
        .map(({ phrase }) => phrase)
        .sort(),
      ['is told', 'mends', 'whoever'],
    );
    assert.throws(() => phrasesOf('# Glossary'), /names no word/);
  });
});
