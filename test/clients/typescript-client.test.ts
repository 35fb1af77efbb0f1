import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { CLIENT_TYPES, CONTRACT, clientTypes } from '../../examples/typescript/write-client.ts';
import { type Service, startService } from '../e2e/service.ts';
import { readPeftAdapter } from '../oracle/peft-adapter.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const EXAMPLES = join(ROOT, 'examples/typescript');
const ADAPTER = join(ROOT, 'examples/adapters/gpt2-lora-r8');

const run = (...command: readonly string[]) =>
  promisify(execFile)(process.execPath, command, { cwd: ROOT, timeout: 120_000 });

describe('examples/typescript', () => {
  const folder = mkdtempSync(join(tmpdir(), 'squeeze-typescript-'));
  let service: Service;
  before(async () => {
    service = await startService({ dataDir: join(folder, 'data') });
  });
  after(async () => {
    await service?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('has the types of the contract as it is now', async () => {
    const types = await clientTypes(readFileSync(CONTRACT, 'utf8'));
    assert.ok(types === readFileSync(CLIENT_TYPES, 'utf8'), 'run `npm run client`');
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
        `import { bodyOf, connect } from ${from};\nconst service = connect('');\nvoid bodyOf;\n${use}\n`,
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

  it('squeezes an adapter', async () => {
    const out = join(folder, 'out');
    const { stdout } = await run(
      '--import',
      'tsx',
      join(EXAMPLES, 'squeeze.ts'),
      service.url,
      ADAPTER,
      '4',
      out,
    );
    assert.match(stdout, /^rank 4, relative error 11\.33 %: /);
    assert.deepEqual(readdirSync(out).sort(), ['adapter_config.json', 'adapter_model.safetensors']);
    for (const { rank } of readPeftAdapter(out).modules.values()) assert.equal(rank, 4);
  });

  it('ends with what the service said', async () => {
    const broken = join(folder, 'broken');
    const result = run('--import', 'tsx', join(EXAMPLES, 'squeeze.ts'), service.url, ADAPTER, '0', broken);
    await assert.rejects(result, (error: { stderr: string }) => /VALIDATION_FAILED/.test(error.stderr));
  });
});
