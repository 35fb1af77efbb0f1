import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { writeBetweenMarks } from '../../bench/write-between-marks.ts';

const mark = (writer: string): string => `<!-- results: written by ${writer} -->`;
const END = '<!-- end of results -->';

describe('results on a page of docs/', () => {
  let dir: string;
  let path: string;
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'marks-'));
    path = join(dir, 'page.md');
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  const page = (): string => readFileSync(path, 'utf8');

  it('create the page if it does not exist', async () => {
    await writeBetweenMarks(path, 'a.ts', 'first');
    assert.equal(page(), `${mark('a.ts')}\n\nfirst\n\n${END}\n`);
  });

  it('replace the previous results, and leave the prose and the results of other programs unchanged', async () => {
    const around = (a: string, b: string): string =>
      `# Title\n\n${mark('a.ts')}\n\n${a}\n\n${END}\n\nBetween.\n\n${mark('b.ts')}\n\n${b}\n\n${END}\nAfter.\n`;
    writeFileSync(path, around('old', 'other'));
    await writeBetweenMarks(path, 'a.ts', 'new');
    assert.equal(page(), around('new', 'other'));
    await writeBetweenMarks(path, 'b.ts', 'newer');
    assert.equal(page(), around('new', 'newer'));
  });

  it('are refused if a page has no place for them, and leave the page unchanged', async () => {
    for (const text of ['no marks', mark('a.ts'), `${END}\n${mark('a.ts')}`, `${mark('b.ts')}\n${END}`]) {
      writeFileSync(path, text);
      await assert.rejects(writeBetweenMarks(path, 'a.ts', 'third'), /page\.md lacks the marks/);
      assert.equal(page(), text);
    }
  });
});
