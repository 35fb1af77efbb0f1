import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Value } from 'typebox/value';
import { ComputePool } from '../../src/compute/pool.ts';
import { SqueezeRequest } from '../../src/contract/job-request.ts';
import { RULES } from '../../src/serving/judge.ts';
import { PROFILES } from '../../src/serving/profiles.ts';
import { serverInWords } from '../../web/src/text/describe-target.ts';
import { squeezing } from '../squeeze/make-adapter.ts';
import { rowOf, sourcesOf } from './documented-profiles.ts';

const ROOT = join(import.meta.dirname, '../..');
/** The number of cells in a row of the table of profiles; other tables have fewer. */
const CELLS = 8;
const page = readFileSync(join(ROOT, 'docs/serving.md'), 'utf8');

it('names servers on the page as their profiles do', () => {
  for (const { name, title } of PROFILES) assert.equal(serverInWords(name), title);
});

describe('docs/serving.md', () => {
  let pool: ComputePool;
  before(async () => {
    pool = await ComputePool.start('cpu', 2);
  });
  after(() => pool.close());

  it('has a row for every profile that agrees with the data, and its sources', () => {
    const rows = page
      .split('\n')
      .filter((line) => line.startsWith('| `') && line.split(' | ').length === CELLS);
    assert.deepEqual(rows, PROFILES.map(rowOf));
    for (const line of PROFILES.flatMap(sourcesOf)) assert.ok(page.includes(line), line);
  });

  it('explains every rule', () => {
    for (const rule of Object.keys(RULES)) assert.ok(page.includes(`| \`${rule}\` |`), rule);
  });

  it('has an example with the real outcome', async () => {
    const folder = /^cd (\S+)$/m.exec(page)![1]!;
    const request = JSON.parse(/-F 'request=(\{[\s\S]+?\})' \\\n/.exec(page)![1]!) as SqueezeRequest;
    assert.ok(Value.Check(SqueezeRequest, request));
    const example = JSON.parse(/```json\n([\s\S]+?)```/.exec(page)![1]!);
    await squeezing(pool, join(ROOT, folder), request, ({ targets: [outcome] }) => {
      assert.deepEqual(JSON.parse(JSON.stringify(outcome!.result.serving)), example);
    });
  });
});
