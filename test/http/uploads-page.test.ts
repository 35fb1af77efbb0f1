import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, symlinkSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { UploadRecord } from '../../src/contract/upload.ts';
import { MAX_UPLOADS, MAX_UPLOADS_SIZE, maxBytesOf } from '../../src/resources/uploads/upload-limits.ts';
import { startServer, type TestServer } from './server.ts';
import { CONFIG, WEIGHTS } from './tiny-adapter.ts';

const ROOT = join(import.meta.dirname, '../..');
const PAGE = readFileSync(join(ROOT, 'docs/uploads.md'), 'utf8');
const ADDRESS = 'http://127.0.0.1:8080';

/** Its examples in a language, in order. */
const examples = (language: string): string[] =>
  [...PAGE.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, code]) => code!);

describe('docs/uploads.md', () => {
  let server: TestServer;
  let folder: string;
  before(async () => {
    server = await startServer({ maxUploadBytes: 10_000_000 });
    folder = await mkdtemp(join(tmpdir(), 'page-test-'));
    // As in the repository; a file that the page names without a folder exists here as well.
    for (const name of ['node_modules', 'examples']) symlinkSync(join(ROOT, name), join(folder, name));
    for (const name of [WEIGHTS, CONFIG])
      symlinkSync(join(ROOT, 'examples/adapters/gpt2-lora-r8', name), join(folder, name));
  });
  after(async () => {
    await server.close();
    await rm(folder, { recursive: true });
  });

  async function run(program: string, ...args: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(program, args, { cwd: folder });
    return stdout;
  }

  const here = (code: string): string => code.replaceAll(ADDRESS, server.url);

  it('has shell examples that work as written', async () => {
    const [whole, pieces] = examples('sh').map(here);
    const answers = (await run('sh', '-euc', whole!)).match(/\{.*?\}(?=\{|\s*$)/gs)!;
    const [upload, adapter] = answers.map((text) => JSON.parse(text)) as [UploadRecord, AdapterRecord];
    assert.equal(upload.complete, true);
    assert.match(adapter.id, /^ad_/);
    assert.deepEqual(adapter.labels, { team: 'search' });

    const resumed = JSON.parse(await run('sh', '-euc', pieces!)) as UploadRecord;
    assert.equal(resumed.complete, true);
    assert.equal(resumed.sha256, upload.sha256);
  });

  it('has a JavaScript example that works as written', async () => {
    const [code] = examples('js').map(here);
    await writeFile(join(folder, 'example.mjs'), code!);
    const output = await run(process.execPath, 'example.mjs');
    assert.match(output, /id: 'ad_[0-9a-f]{32}'/);
  });

  it('states the real limits', () => {
    assert.ok(PAGE.includes(`| ${MAX_UPLOADS}, and together four times \`MAX_UPLOAD_BYTES\``));
    assert.equal(MAX_UPLOADS_SIZE, 4);
    assert.ok(PAGE.includes(`${maxBytesOf(CONFIG, Number.MAX_SAFE_INTEGER) / 1024} KiB`));
  });
});
