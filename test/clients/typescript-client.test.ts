import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { download } from '../../examples/typescript/client.ts';
import { readPeftAdapter } from '../oracle/peft-adapter.ts';
import { buildSafetensors, readSafetensors } from '../oracle/safetensors.ts';
import { startGateway } from './gateway.ts';
import { serviceFixture } from './service-fixture.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const EXAMPLES = join(ROOT, 'examples/typescript');
const ADAPTER = join(ROOT, 'examples/adapters/gpt2-lora-r8');

const ANNEALING_PAGE = readFileSync(join(ROOT, 'docs/annealing.md'), 'utf8');

const run = (...command: readonly string[]) => runWith({}, ...command);

const runWith = (env: Readonly<Record<string, string>>, ...command: readonly string[]) =>
  promisify(execFile)(process.execPath, command, {
    cwd: ROOT,
    // Only to end what hangs.
    timeout: 600_000,
    env: { ...process.env, ...env },
  });

describe('examples/typescript', () => {
  const fixture = serviceFixture('squeeze-typescript');
  const { folder } = fixture;

  it('has the types of the contract as it is now', async () => {
    const made = join(folder, 'contract.d.ts');
    await run('--import', 'tsx', join(EXAMPLES, 'write-client.ts'), made);
    const kept = readFileSync(join(EXAMPLES, 'contract.d.ts'), 'utf8');
    assert.ok(readFileSync(made, 'utf8') === kept, 'run `npm run client`');
  });

  it('has types that know the contract: what it does not have does not compile', async () => {
    const misuses = {
      'a path': `service.GET('/v1/nothing');`,
      'a field': `bodyOf(await service.GET('/v1/jobs/{id}', { params: { path: { id: 'x' } } })).colour;`,
      'an option': `service.POST('/v1/jobs', { body: { kind: 'squeeze', adapter_id: 'x', targets: [{ rank: 'two' }] } });`,
      'no misuse': `service.POST('/v1/jobs', { body: { kind: 'squeeze', adapter_id: 'x', targets: [{ rank: 2 }] } });`,
    };
    const sources = Object.entries(misuses).map(([name, use]) => {
      const path = join(folder, `${name.replaceAll(' ', '-')}.ts`);
      const from = JSON.stringify(join(EXAMPLES, 'client.ts'));
      writeFileSync(
        path,
        `import { bodyOf, connect } from ${from};\nconst service = connect({ url: '', apiKey: undefined });\nvoid bodyOf;\n${use}\n`,
      );
      return { name, path };
    });
    writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
    const options = {
      extends: join(ROOT, 'tsconfig.json'),
      compilerOptions: {
        typeRoots: [join(ROOT, 'node_modules/@types')],
        rewriteRelativeImportExtensions: false,
        allowImportingTsExtensions: true,
      },
    };
    const tsconfig = join(folder, 'tsconfig.json');
    writeFileSync(
      tsconfig,
      JSON.stringify({ ...options, include: [], files: sources.map(({ path }) => path) }),
    );
    const output = await run(join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', tsconfig).then(
      ({ stdout }) => stdout,
      (error: { stdout: string }) => error.stdout,
    );
    for (const { name, path } of sources) {
      const complains = output.includes(path.split('/').at(-1)!);
      assert.equal(complains, name !== 'no misuse', `${name}:\n${output}`);
    }
  });

  it('squeezes an adapter, with its key in every call, downloads too, below the path of a gateway', async () => {
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
      assert.ok(gateway.requests.length >= 5, 'a squeeze, an adapter, three files');
      for (const { path, authorization } of gateway.requests) {
        assert.ok(path.startsWith('/squeeze/v1/'), path);
        assert.equal(authorization, 'Bearer a-key', path);
      }
    } finally {
      await gateway.close();
    }
  });

  it('anneals from folder to folder, moments included', async () => {
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

  it('says what a gateway answered, which need not be JSON', async () => {
    const gateway = await startGateway(fixture.service.url, { failures: [502] });
    try {
      const server = { url: gateway.url, apiKey: undefined };
      const path = join(folder, 'never');
      await assert.rejects(download(server, '/v1/adapters/ad_1/files/x', path), {
        code: 'HTTP_502',
        status: 502,
      });
      await assert.rejects(download(server, '/v1/adapters/ad_1/files/x', path), {
        code: 'ADAPTER_NOT_FOUND',
      });
      assert.ok(!existsSync(path));
    } finally {
      await gateway.close();
    }
  });

  it('ends with what the service said', async () => {
    const broken = join(folder, 'broken');
    const result = run(
      '--import',
      'tsx',
      join(EXAMPLES, 'squeeze.ts'),
      fixture.service.url,
      ADAPTER,
      '0',
      broken,
    );
    await assert.rejects(result, (error: { stderr: string }) => /VALIDATION_FAILED/.test(error.stderr));
  });
});
