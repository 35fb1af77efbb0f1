import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fixtureAdapters } from '../e2e/fixtures.ts';
import { documents, run } from './command.ts';
import { assertSameFiles, contentOf, type PrintedResult, parseResult } from './printed-result.ts';

const [FIRST, SECOND] = fixtureAdapters().filter(({ name }) => name.startsWith('peft-gpt2'));

describe('several folders', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'cli-batch-'));
  after(() => rmSync(scratch, { recursive: true, force: true }));

  const broken = join(scratch, 'broken');
  mkdirSync(broken);
  cpSync(join(FIRST!.dir, 'adapter_config.json'), join(broken, 'adapter_config.json'));
  writeFileSync(join(broken, 'adapter_model.safetensors'), 'version https://git-lfs.github.com/spec/v1\n');

  it('each get a result folder, and a broken one does not stop the others', async () => {
    const out = join(scratch, 'new', 'out');
    const ended = await run(['squeeze', FIRST!.dir, broken, SECOND!.dir, '--rank', '2', '--out', out]);
    assert.equal(ended.code, 1, ended.stderr);
    const lines = documents<PrintedResult>(ended.stdout);
    assert.deepEqual(
      lines.map(({ folder, error }) => [folder, error?.code]),
      [
        [FIRST!.dir, undefined],
        [broken, 'LFS_POINTER'],
        [SECOND!.dir, undefined],
      ],
    );
    assert.match(ended.stderr, /^lora-squeeze: .*broken: LFS_POINTER: .+\n$/);
    assert.deepEqual(readdirSync(out).sort(), [basename(FIRST!.dir), basename(SECOND!.dir)].sort());
    const alone = parseResult(
      await run(['squeeze', SECOND!.dir, '--rank', '2', '--out', join(scratch, 'alone')]),
    );
    assertSameFiles(join(out, basename(SECOND!.dir)), alone.out);
  });

  it('leave nothing if all are broken, not even the parents of the results', async () => {
    const ended = await run([
      'squeeze',
      broken,
      '--rank',
      '2',
      '--out',
      join(scratch, 'never', 'deep', 'out'),
    ]);
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, /^lora-squeeze: LFS_POINTER: /);
    assert.equal(existsSync(join(scratch, 'never')), false);
  });

  it('are refused by the name of the folder that is missing, or lacks a file', async () => {
    const empty = join(scratch, 'empty');
    mkdirSync(empty);
    const ended = await run([
      'squeeze',
      join(scratch, 'none'),
      empty,
      '--rank',
      '2',
      '--out',
      join(scratch, 'x'),
    ]);
    assert.equal(ended.code, 1);
    const [none, lacking] = documents<PrintedResult>(ended.stdout);
    assert.deepEqual([none?.error?.code, lacking?.error?.code], ['FILE_MISSING', 'FILE_MISSING']);
    assert.match(none!.error!.detail, /There is no folder .*none\./);
    assert.match(
      lacking!.error!.detail,
      /contains no weights file \(adapter_model\.safetensors, .*\) and no adapter_config\.json/,
    );
  });

  it('with one common result are refused before any work is done', async () => {
    const twin = join(scratch, 'twins', basename(FIRST!.dir));
    cpSync(FIRST!.dir, twin, { recursive: true });
    const out = join(scratch, 'twice');
    const ended = await run(['squeeze', FIRST!.dir, twin, '--rank', '2', '--out', out]);
    assert.equal(ended.code, 2);
    assert.match(ended.stderr, /would both go to/);
    assert.equal(existsSync(out), false);
  });

  it('with a slash at the end of --out: even a single folder gets a folder below it', async () => {
    const out = join(scratch, 'under');
    const made = parseResult(await run(['squeeze', FIRST!.dir, '--rank', '2', '--out', `${out}/`]));
    assert.equal(made.out, join(out, basename(FIRST!.dir)));
    assert.ok(contentOf(made.out).has('adapter_model.safetensors'));
  });
});
