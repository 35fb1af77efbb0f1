import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { motoIsMissing, type S3Server, startMoto } from '../storage/s3-servers.ts';
import { BUILD, copySources, runInstallation } from './installed-package.ts';
import { type Ended, runProgram, skipWithoutPython } from './python.ts';
import { serviceFixture } from './service-fixture.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PAGE = readFileSync(join(ROOT, 'docs/python.md'), 'utf8');
const README = readFileSync(join(ROOT, 'clients/python/README.md'), 'utf8');
const ADDRESS = 'http://127.0.0.1:8080';

const blocksOf = (page: string, language: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, code]) => code!);

describe('docs/python.md, with the installed package', {
  skip: motoIsMissing() ?? skipWithoutPython('httpx', 'tqdm', ...BUILD),
}, () => {
  const fixture = serviceFixture('python-page');
  let python: string;
  let s3: S3Server;
  before(async () => {
    copySources(join(fixture.folder, 'clients/python'));
    const [commands] = blocksOf(PAGE, 'sh');
    [python, s3] = await Promise.all([
      runInstallation(commands!, fixture.folder, fixture.folder),
      startMoto(),
    ]);
    await put('', undefined);
    for (const name of ['adapter_model.safetensors', 'adapter_config.json'])
      await put(`/in/support-chat/${name}`, readFileSync(join(ROOT, 'examples/adapters/gpt2-lora-r8', name)));
    for (const name of ['my-adapter', 'adapter'])
      cpSync(join(ROOT, 'examples/adapters/gpt2-lora-r8'), join(fixture.folder, name), { recursive: true });
  });

  after(() => s3?.stop());

  /** Uploads it into the bucket of the page. */
  async function put(path: string, body: Buffer | undefined): Promise<void> {
    const answer = await fetch(`${s3.url}/models${path}`, { method: 'PUT', ...(body && { body }) });
    assert.ok(answer.ok, `${path}: ${answer.status}`);
  }

  /** As a user runs it: saved under a name, and called. */
  function saved(name: string, code: string, ...args: readonly string[]): Promise<Ended> {
    const path = join(fixture.folder, name);
    assert.ok(code.includes(ADDRESS), 'it says where the service is');
    writeFileSync(path, code.replaceAll(ADDRESS, fixture.service.url));
    return runProgram(path, args, { python, cwd: fixture.folder, folders: [] });
  }

  it('has a script that squeezes a folder', async () => {
    const [script] = blocksOf(PAGE, 'python');
    const call = blocksOf(PAGE, 'sh').find((block) => block.startsWith('python squeeze.py '))!;
    const [, args, printed] = /^python squeeze\.py (.*)\n# (.*)\n$/.exec(call)!;
    const { code, stdout, stderr } = await saved('squeeze.py', script!, ...args!.split(' '));
    assert.equal(code, 0, stderr);
    assert.equal(stdout, `${printed}\n`);
    assert.match(stderr, /upload adapter_model\.safetensors: 100%/, 'bars of tqdm');
    assert.ok(existsSync(join(fixture.folder, 'squeezed/adapter_model.safetensors')));
    const refused = await saved('squeeze.py', script!, 'my-adapter', '0', 'never');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /^VALIDATION_FAILED: .*rank/m);
  });

  it('has steps, batches, events and errors that do what the page states', async () => {
    const [, ...rest] = blocksOf(PAGE, 'python');
    // On the page the bucket is in AWS.
    const store = `endpoint="${s3.url}", allowed_hosts=["${new URL(s3.url).host}"]`;
    const steps = rest.join('\n').replace('region="eu-west-1"', store);
    const { code, stdout, stderr } = await saved('steps.py', steps);
    assert.equal(code, 0, stderr);
    for (const line of [
      /^\{'rank': \d+\}$/m,
      /^succeeded \[0\.\d+, 0\.\d+\]$/m,
      /^ad_\w+ my-adapter$/m,
      /^\[2, 3, 4\]$/m,
      /^dry_run \d+ bytes$/m,
      /^results\/1\/adapter_model\.safetensors \d+$/m,
      /^\['models'\]$/m,
      /^1 succeeded$/m,
      /^batch: item succeeded$/m,
      /^batch: state succeeded$/m,
      /^target 1 succeeded \{'min': \d+, 'max': 4\} None$/m,
      /^state queued$/m,
      /^state succeeded$/m,
      /^job_\w+ failed: BUDGET_TOO_SMALL False$/m,
    ])
      assert.match(stdout, line);
    assert.deepEqual(readdirSync(join(fixture.folder, 'results')).sort(), ['0', '1']);
    assert.deepEqual(readdirSync(join(fixture.folder, 'everything')).sort(), [
      'report.html',
      'report.json',
      'results',
    ]);
    assert.deepEqual(readdirSync(join(fixture.folder, 'report')), ['report.html']);
    for (const name of ['copy', 'copy.zip']) assert.ok(existsSync(join(fixture.folder, name)));
    // moto accepts any signature.
    const authorization =
      'AWS4-HMAC-SHA256 Credential=x/20250101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0';
    const brought = await fetch(`${s3.url}/models/out/support-chat/adapter_model.safetensors`, {
      headers: { authorization },
    });
    assert.equal(brought.status, 200, 'delivered to the bucket');
    assert.equal(readFileSync(join(fixture.folder, 'batch.zip')).toString('latin1', 0, 2), 'PK');
    assert.match(readFileSync(join(fixture.folder, 'report.html'), 'utf8'), /^<!doctype html>/i);
  });

  it('has a README whose commands and example run', async () => {
    const sources = join(fixture.folder, 'clients/python');
    const [commands] = blocksOf(README, 'sh');
    await runInstallation(commands!, sources, join(fixture.folder, 'of-readme'));
    const [example] = blocksOf(README, 'python');
    const { code, stdout, stderr } = await saved('readme.py', example!.replace('rank=16', 'rank=4'));
    assert.equal(code, 0, stderr);
    assert.ok(Number(stdout) < 0.2);
  });
});
