import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, it } from 'node:test';
import { CommandError } from '../../src/cli/command-error.ts';
import { OutputFolder } from '../../src/cli/output-folder.ts';

const WEIGHTS = 'adapter_model.safetensors';

describe('the folder of a result', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'cli-output-'));
  after(() => rmSync(scratch, { recursive: true, force: true }));
  let parent: string;
  let out: string;
  beforeEach(() => {
    parent = mkdtempSync(join(scratch, 'each-'));
    out = join(parent, 'out');
  });

  /** Publishes a folder with one file of this text. */
  async function publish(text: string, isForced = false): Promise<void> {
    const folder = await OutputFolder.open(out, isForced);
    try {
      const path = join(folder.workDir, 'some.tmp');
      writeFileSync(path, text);
      await folder.publish([{ name: WEIGHTS, path }]);
    } finally {
      await folder.close();
    }
  }

  const refuses = (work: Promise<unknown>, words: RegExp): Promise<void> =>
    assert.rejects(work, (error) => {
      assert.ok(error instanceof CommandError);
      assert.equal(error.code, 'OUTPUT_EXISTS');
      assert.match(error.message, words);
      return true;
    });

  it('is complete when it appears, readable for others, and without any file beside it', async () => {
    await publish('one');
    assert.equal(readFileSync(join(out, WEIGHTS), 'utf8'), 'one');
    assert.deepEqual(readdirSync(parent), ['out']);
    assert.equal(statSync(out).mode & 0o700, 0o700);
    mkdirSync(join(parent, 'usual'));
    assert.equal(statSync(out).mode, statSync(join(parent, 'usual')).mode);
  });

  it('does not exist until it is published, and never if the work fails', async () => {
    const folder = await OutputFolder.open(join(parent, 'deep', 'er', 'out'), false);
    writeFileSync(join(folder.workDir, 'half'), 'half');
    assert.deepEqual(readdirSync(join(parent, 'deep', 'er')).length, 1);
    assert.equal(existsSync(join(parent, 'deep', 'er', 'out')), false);
    await folder.close();
    assert.deepEqual(readdirSync(parent), []);
  });

  it('keeps parents that existed before, or contain something else', async () => {
    const folder = await OutputFolder.open(join(parent, 'deep', 'out'), false);
    writeFileSync(join(parent, 'deep', 'other'), '');
    await folder.close();
    assert.deepEqual(readdirSync(join(parent, 'deep')), ['other']);
  });

  it('that exists is refused, and replaced with force', async () => {
    await publish('one');
    await refuses(publish('two'), /already exists; --force replaces it/);
    assert.equal(readFileSync(join(out, WEIGHTS), 'utf8'), 'one');
    await publish('two', true);
    assert.equal(readFileSync(join(out, WEIGHTS), 'utf8'), 'two');
    assert.deepEqual(readdirSync(parent), ['out']);
  });

  it('is not replaced if it contains foreign files, or is a file', async () => {
    mkdirSync(out);
    writeFileSync(join(out, 'thesis.tex'), 'years');
    await refuses(publish('x', true), /contains thesis\.tex: --force replaces only earlier results/);
    assert.equal(readFileSync(join(out, 'thesis.tex'), 'utf8'), 'years');
    rmSync(out, { recursive: true });
    writeFileSync(out, 'a file');
    await refuses(publish('x', true), /is not a folder/);
    assert.equal(readFileSync(out, 'utf8'), 'a file');
  });

  it('that another process creates meanwhile stays unchanged', async () => {
    const folder = await OutputFolder.open(out, false);
    const path = join(folder.workDir, 'some.tmp');
    writeFileSync(path, 'mine');
    mkdirSync(out);
    writeFileSync(join(out, WEIGHTS), 'theirs');
    await refuses(folder.publish([{ name: WEIGHTS, path }]), /already exists/);
    await folder.close();
    assert.equal(readFileSync(join(out, WEIGHTS), 'utf8'), 'theirs');
    assert.deepEqual(readdirSync(parent), ['out']);
  });

  it('keeps the old result if the new one cannot be moved there', async () => {
    await publish('one');
    const folder = await OutputFolder.open(out, true);
    await assert.rejects(
      folder.publish([{ name: WEIGHTS, path: join(folder.workDir, 'missing') }]),
      (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
    );
    await folder.close();
    assert.equal(readFileSync(join(out, WEIGHTS), 'utf8'), 'one');
  });
});
