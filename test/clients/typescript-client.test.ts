import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { readPeftAdapter } from '../oracle/peft-adapter.ts';
import { buildSafetensors, readSafetensors } from '../oracle/safetensors.ts';
import { motoIsMissing, type S3Server, startMoto } from '../storage/s3-servers.ts';
import { startGateway } from './gateway.ts';
import { NoRegistry, nodeOf } from './npm-prefix.ts';
import { serviceFixture } from './service-fixture.ts';
import { installPackage, PACKAGE, ROOT } from './typescript-package.ts';

const EXAMPLES = join(PACKAGE, 'examples');
const ADAPTER = join(ROOT, 'examples/adapters/gpt2-lora-r8');
const ANNEALING_PAGE = readFileSync(join(ROOT, 'docs/annealing.md'), 'utf8');

/** The example of a page, all its blocks in order. */
function blocksOf(page: string): string[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code!);
}

const PAGES = { guide: blocksOf('docs/clients.md'), readme: blocksOf('clients/typescript/README.md') };

const run = (...command: readonly string[]) => runWith({}, ...command);

const runWith = (env: Readonly<Record<string, string>>, ...command: readonly string[]) =>
  promisify(execFile)(process.execPath, command, {
    cwd: ROOT,
    // Only prevents hanging.
    timeout: 600_000,
    env: { ...process.env, ...env },
  });

describe('clients/typescript', { skip: motoIsMissing() ?? false }, () => {
  const fixture = serviceFixture('squeeze-typescript');
  const { folder } = fixture;
  /** The folder into which the package is installed. */
  const app = join(folder, 'app');
  let s3: S3Server;
  before(async () => {
    mkdirSync(app);
    [s3] = await Promise.all([startMoto(), installPackage(app)]);
    cpSync(ADAPTER, join(app, 'my-adapter'), { recursive: true });
    await put('', undefined);
    for (const name of ['adapter_model.safetensors', 'adapter_config.json'])
      await put(`/in/support-chat/${name}`, readFileSync(join(ADAPTER, name)));
  });
  after(() => s3?.stop());

  /** Uploads it into the bucket of the page. */
  async function put(path: string, body: Buffer | undefined): Promise<void> {
    const answer = await fetch(`${s3.url}/models${path}`, { method: 'PUT', ...(body && { body }) });
    assert.ok(answer.ok, `${path}: ${answer.status}`);
  }

  it('has the types of the current contract', async () => {
    const made = join(folder, 'contract.d.ts');
    await run('--import', 'tsx', join(PACKAGE, 'write-contract.ts'), made);
    const kept = readFileSync(join(PACKAGE, 'src/contract.d.ts'), 'utf8');
    assert.ok(readFileSync(made, 'utf8') === kept, 'run `npm run client`');
  });

  it('is a package of modules and types without dependencies', () => {
    const installed = join(app, 'node_modules/lora-squeeze-client');
    const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as object;
    assert.ok(!('dependencies' in manifest) && !('private' in manifest));
    assert.deepEqual(readdirSync(installed).sort(), ['LICENSE', 'README.md', 'dist', 'package.json']);
    assert.deepEqual(readdirSync(join(app, 'node_modules')).sort(), [
      '.package-lock.json',
      'lora-squeeze-client',
    ]);
  });

  it('has types that follow the contract: mistakes do not compile', async () => {
    const made = `import { LoraSqueeze } from 'lora-squeeze-client';\nconst client = new LoraSqueeze({ baseUrl: '' });\n`;
    const sources: Record<string, string> = {
      'a-path': `${made}await client.request('GET', '/v1/nothing', {});`,
      'a-parameter': `${made}await client.request('GET', '/v1/jobs/{id}', { path: { name: 'x' } });`,
      'a-field': `${made}(await client.jobs.get('x')).colour;`,
      'an-option': `${made}await client.squeeze('x', { targets: [{ rank: 'two' }] });`,
      'no-misuse': `${made}await client.squeeze('x', { targets: [{ rank: 2 }] });`,
      'no-misuse-of-the-guide': PAGES.guide.join(''),
      'no-misuse-of-the-readme': PAGES.readme.join(''),
    };
    for (const [name, code] of Object.entries(sources)) writeFileSync(join(app, `${name}.ts`), code);
    const compilerOptions = {
      ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true },
      ...{ target: 'ES2022', module: 'NodeNext', skipLibCheck: false, noEmit: true },
      ...{ types: ['node'], typeRoots: [join(ROOT, 'node_modules/@types')] },
    };
    const files = Object.keys(sources).map((name) => `${name}.ts`);
    // In Node, and with the types of browsers; with two compilers.
    const uses = [
      [join(PACKAGE, 'node_modules'), ['ES2022', 'DOM', 'DOM.Iterable']],
      [join(ROOT, 'node_modules'), ['ES2022']],
    ] as const;
    for (const [compiler, lib] of uses) {
      const config = { compilerOptions: { ...compilerOptions, lib }, files };
      writeFileSync(join(app, 'tsconfig.json'), JSON.stringify(config));
      const output = await run(join(compiler, 'typescript/bin/tsc'), '-p', app).then(
        ({ stdout }) => stdout,
        (error: { stdout: string }) => error.stdout,
      );
      for (const file of files)
        assert.equal(output.includes(file), !file.startsWith('no-misuse'), `${file}:\n${output}`);
      assert.doesNotMatch(output, /node_modules/);
    }
  });

  for (const major of [20, 22, 24]) {
    it(`does what its pages describe, in Node ${major}`, async (test) => {
      const node = await nodeOf(major).catch((error: Error) => error);
      if (node instanceof NoRegistry) return test.skip(`no Node ${major}: ${node.message}`);
      if (node instanceof Error) throw node;
      // On the page the bucket is in AWS.
      const store = `endpoint: '${s3.url}', allowed_hosts: ['${new URL(s3.url).host}']`;
      await fetch(`${fixture.service.url}/v1/connections/models`, { method: 'DELETE' });
      for (const [name, blocks] of Object.entries(PAGES)) {
        const code = blocks
          .join('')
          .replaceAll('http://127.0.0.1:8080', fixture.service.url)
          .replace("region: 'eu-west-1'", store);
        const program = join(app, `${name}-${major}.mjs`);
        writeFileSync(program, code);
        const { stdout, stderr } = await promisify(execFile)(node, [program], { cwd: app, timeout: 600_000 });
        if (name === 'readme') {
          assert.equal(readPeftAdapter(join(app, 'squeezed')).modules.values().next().value?.rank, 4);
          continue;
        }
        assert.match(stdout, /^rank 4, relative error 0\.113/);
        for (const { rank } of readPeftAdapter(join(app, 'squeezed/0')).modules.values())
          assert.equal(rank, 4);
        // The others find the work already done.
        if (major === 20) assert.match(stdout, /^(load|gram|core|project|write|done) \d+\/\d+$/m);
        for (const line of [
          /^succeeded$/m,
          /^4 \d+$/m,
          /^results\/0\/adapter_model\.safetensors \d+$/m,
          /^text\/html; ?charset=utf-8 \d+$/m,
          /^job_\w+ is done$/m,
        ])
          assert.match(stdout, line);
        assert.deepEqual(readdirSync(join(app, 'everything')).sort(), [
          'report.html',
          'report.json',
          'results',
        ]);
        assert.match(stdout, /^2 succeeded, 0 failed$|^1 succeeded, 0 failed$/m);
        assert.match(stdout, /^batch: item succeeded$/m);
        assert.match(stdout, /^batch: state succeeded$/m);
        assert.match(stdout, /^target 1 succeeded 4$/m);
        assert.equal(readFileSync(join(app, 'batch.zip')).toString('latin1', 0, 2), 'PK');
        assert.match(stdout, /^true [0-9a-f]{64}$/m);
        assert.match(stderr, /^FORMAT_NOT_CONVERTIBLE|^VALIDATION_FAILED|^TARGET_INVALID/m);
      }
    });
  }

  it('squeezes by the example, with its key in every call, below the path of a gateway', async () => {
    const gateway = await startGateway(fixture.service.url, { prefix: '/squeeze' });
    try {
      const out = join(folder, 'out');
      const squeeze = [join(EXAMPLES, 'squeeze.ts'), `${gateway.url}/squeeze`, ADAPTER, '4', out];
      const { stdout } = await runWith({ LORA_SQUEEZE_KEY: 'a-key' }, '--import', 'tsx', ...squeeze);
      assert.match(stdout, /^rank 4, relative error 11\.33 %: /);
      assert.deepEqual(readdirSync(out).sort(), [
        'README.md',
        'adapter_config.json',
        'adapter_model.safetensors',
      ]);
      for (const { rank } of readPeftAdapter(out).modules.values()) assert.equal(rank, 4);
      assert.ok(gateway.requests.length >= 6, 'an adapter, a job, an adapter, three files');
      for (const { path, authorization } of gateway.requests) {
        assert.ok(path.startsWith('/squeeze/v1/'), path);
        assert.equal(authorization, 'Bearer a-key', path);
      }
    } finally {
      await gateway.close();
    }
  });

  it('anneals by the example from folder to folder, including moments', async () => {
    const anneal = async (...args: readonly string[]) =>
      (await run('--import', 'tsx', join(EXAMPLES, 'anneal.ts'), fixture.service.url, ...args)).stdout;
    const documented = await anneal('begin', '64', '8', '2000');
    for (const rank of [64, 8]) {
      const line = documented.split('\n').find((each) => each.startsWith(`rank ${rank}:`));
      assert.ok(ANNEALING_PAGE.includes(`\n# ${line}\n`), line);
    }
    const begun = await anneal('begin', '8', '2', '800');
    const [, runId] =
      /^(run_\w+): Train to step 200, then send that checkpoint\.$/m.exec(begun) ?? assert.fail(begun);
    assert.match(
      begun,
      /^rank 2: steps 400 to 800 with learning rate × 1\.59, .*, decay to zero from 400, \d+ %/m,
    );
    const [first, second, third] = ['rank-8', 'rank-4', 'rank-2'].map((name) => join(folder, name));
    cpSync(ADAPTER, first!, { recursive: true });
    const { tensors } = readSafetensors(join(ADAPTER, 'adapter_model.safetensors'));
    const moments = [...tensors].map(([name, tensor]) => [`${name}.momentum_buffer`, tensor] as const);
    writeFileSync(join(first!, 'optimizer.safetensors'), buildSafetensors(Object.fromEntries(moments)));

    assert.match(
      await anneal('squeeze', runId!, '200', first!, second!),
      /^squeeze: .* Train to step 400, .*\nsteps 200 to 400 with learning rate × 1\.26, warm-up until 220, \d+ %/,
    );
    assert.match(
      await anneal('squeeze', runId!, '400', second!, third!),
      /^squeeze: .* Train on to the end\.$/m,
    );
    for (const [dir, rank] of [
      [second!, 4],
      [third!, 2],
    ] as const) {
      for (const module of readPeftAdapter(dir).modules.values()) assert.equal(module.rank, rank);
      const carried = readSafetensors(join(dir, 'optimizer.safetensors')).tensors;
      assert.equal(carried.size, moments.length);
      for (const [name, { shape }] of readSafetensors(join(dir, 'adapter_model.safetensors')).tensors) {
        assert.deepEqual(carried.get(`${name}.momentum_buffer`)?.shape, shape, name);
      }
    }
    await assert.rejects(anneal('squeeze', runId!, '300', first!, third!), /CHECKPOINT_/);
  });
});
