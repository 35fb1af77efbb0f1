import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { before, describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { parseSafetensors } from '../oracle/safetensors.ts';
import { installLocked, NoRegistry, nodeOf } from './npm-prefix.ts';
import { serviceFixture } from './service-fixture.ts';

const ROOT = join(import.meta.dirname, '../..');
const GENERATORS = join(import.meta.dirname, 'generators');
const ADAPTER = join(ROOT, 'examples/adapters/gpt2-lora-r8');
const ADMIN_KEY = 'administrator-of-generated-clients';
const ADDRESS = 'http://127.0.0.1:8080';
const RANK = 4;
/** Only prevents hanging. */
const LIMIT_MS = 600_000;

/** The chapters of the page by their headings. */
const PAGE = new Map(
  readFileSync(join(ROOT, 'docs/generated-clients.md'), 'utf8')
    .split(/^## /m)
    .map((chapter) => [chapter.slice(0, chapter.indexOf('\n')), chapter]),
);

/** The generators of the page, and the folders that lock their versions. */
const FOLDERS: Readonly<Record<string, string>> = {
  '@hey-api/openapi-ts': 'hey-api',
  'openapi-typescript': 'openapi-typescript',
  orval: 'orval',
  'swagger-typescript-api': 'swagger-typescript-api',
  'openapi-typescript-codegen': 'openapi-typescript-codegen',
};

/**
 * Mistakes that a script might contain, which do not compile if the types of the contract arrived in the
 * client.
 */
const MISTAKES: readonly (readonly [right: string, wrong: string])[] = [
  ["kind: 'squeeze'", "kind: 'shrink'"],
  ['rank: 4', "rank: 'four'"],
  ["job.state === 'queued'", "job.state === 'waiting'"],
  ['.modules.length', '.modules.size'],
  ['result.relative_error', 'result.error'],
];

const commandsOf = (chapter: string) =>
  [...chapter.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, block]) => block!.trimEnd().split('\n'));

const isInstall = (command: string) => command.startsWith('npm install ');

/** Files that a chapter shows completely, by the names that precede them. */
const filesOf = (chapter: string) =>
  [...chapter.matchAll(/`([\w.]+)`:\n\n```\w+\n(.*?)^```/gms)].map(
    ([, name, text]) => [name!, text!] as const,
  );

/** The script once for each mistake, which must be an error. */
function withMistakes(script: string): string[] {
  return MISTAKES.map(([right, wrong]) => {
    const lines = script.split('\n');
    const at = lines.findIndex((line) => line.includes(right));
    assert.ok(at >= 0, `the script has ${right}`);
    lines.splice(at, 1, '// @ts-expect-error', lines[at]!.replace(right, wrong));
    return lines.join('\n');
  });
}

interface Place {
  readonly cwd: string;
  readonly path: string;
  readonly key?: string;
}

async function run(command: string, { cwd, path, key = '' }: Place): Promise<string> {
  const env = { ...process.env, PATH: path, LORA_SQUEEZE_KEY: key, NO_UPDATE_NOTIFIER: '1' };
  const { stdout } = await promisify(execFile)('bash', ['-c', command], {
    cwd,
    env,
    timeout: LIMIT_MS,
  }).catch((error: { stdout: string; stderr: string }) =>
    assert.fail(`${command}\n${error.stdout}${error.stderr}`),
  );
  return stdout;
}

/** Node 24, and what a folder locks; undefined if the test is skipped because there is no registry. */
async function installed(test: TestContext, folder: string) {
  try {
    const path = `${dirname(await nodeOf(24))}:${process.env.PATH}`;
    return { path, modules: await installLocked(join(GENERATORS, folder), folder) };
  } catch (error) {
    if (!(error instanceof NoRegistry)) throw error;
    test.skip(error.message);
    return undefined;
  }
}

// Two at a time: each of them needs a core.
describe('docs/generated-clients.md', { concurrency: 2 }, () => {
  const fixture = serviceFixture('generated-clients', { AUTH: 'keys', ADMIN_KEY });
  const setUp = PAGE.get('Set up')!;
  let base: string;
  let key: string;
  before(async () => {
    const { folder, service } = fixture;
    base = join(folder, 'base');
    cpSync(ADAPTER, join(base, 'my-adapter'), { recursive: true });
    for (const [name, text] of filesOf(setUp)) writeFileSync(join(base, name), text);
    for (const command of commandsOf(setUp).filter((each) => !each.startsWith('npx ')))
      await run(command.replaceAll(ADDRESS, service.url), { cwd: base, path: process.env.PATH! });
    await fetch(`${service.url}/v1/tenants/search`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
      body: '{}',
    });
    const made = await fetch(`${service.url}/v1/keys`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ tenant: 'search', scopes: ['read', 'write'] }),
    });
    ({ key } = (await made.json()) as { key: string });
  });

  it('contains the current contract, and each of the generators', () => {
    assert.ok(readFileSync(join(base, 'openapi.yaml')).equals(readFileSync(join(ROOT, 'openapi.yaml'))));
    for (const name of Object.keys(FOLDERS)) assert.ok(PAGE.has(name), name);
  });

  for (const [name, folder] of Object.entries(FOLDERS))
    it(`makes a client with ${name} that compiles strictly and squeezes`, async (test) => {
      const place = await installed(test, folder);
      if (!place) return;
      const chapter = PAGE.get(name)!;
      const cwd = join(fixture.folder, folder);
      cpSync(base, cwd, { recursive: true });
      symlinkSync(place.modules, join(cwd, 'node_modules'));
      for (const [file, text] of filesOf(chapter))
        writeFileSync(join(cwd, file), text.replaceAll(ADDRESS, fixture.service.url));
      const script = readFileSync(join(cwd, 'squeeze.ts'), 'utf8');
      assert.doesNotMatch(script, /\bany\b|\bas (?!const)\w|@ts-|[\w)\]]!/, 'typed, without casts');
      for (const [index, text] of withMistakes(script).entries())
        writeFileSync(join(cwd, `mistake-${index}.ts`), text);
      const commands = [
        ...commandsOf(chapter),
        ...commandsOf(setUp).filter((each) => each.startsWith('npx ')),
      ];
      for (const command of commands.filter((each) => !isInstall(each)))
        await run(command, { cwd, path: place.path, key });
      const weights = parseSafetensors(readFileSync(join(cwd, 'squeezed.safetensors')));
      const factors = [...weights.tensors].filter(([each]) => each.includes('.lora_A.'));
      assert.ok(factors.length > 0);
      for (const [each, { shape }] of factors) assert.equal(shape[0], RANK, each);
    });

  it('installs the versions that are tested here', () => {
    for (const [name, folder] of Object.entries(FOLDERS)) {
      const installs = commandsOf(PAGE.get(name)!).filter(isInstall);
      const named = installs.flatMap((command) => command.split(' ').filter((word) => /.@\d/.test(word)));
      const { dependencies = {}, devDependencies } = JSON.parse(
        readFileSync(join(GENERATORS, folder, 'package.json'), 'utf8'),
      ) as Record<'dependencies' | 'devDependencies', Record<string, string>>;
      const pinned = Object.entries({ ...dependencies, ...devDependencies });
      assert.deepEqual(named.sort(), pinned.map(([each, version]) => `${each}@${version}`).sort(), name);
    }
  });

  it('describes a contract in which spectral finds nothing', async (test) => {
    const place = await installed(test, 'spectral');
    if (!place) return;
    const cwd = join(fixture.folder, 'spectral');
    mkdirSync(cwd);
    symlinkSync(place.modules, join(cwd, 'node_modules'));
    // Every rule that Spectral recommends for OpenAPI.
    writeFileSync(join(cwd, '.spectral.yaml'), 'extends: spectral:oas\n');
    await run(`npx spectral lint --fail-severity hint ${join(base, 'openapi.yaml')}`, {
      cwd,
      path: place.path,
    });
  });
});
