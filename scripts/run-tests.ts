// Runs tests and ends with the ten slowest files and one line of counts.
//   npm test                          the fast tests, which find most faults; most of them on SQLite alone
//   npm test -- --all                 everything: both databases, browsers, clusters, chaos, fuzzing, clients, engines
//   npm test -- keys.test webhooks    only files whose path contains one of these, from source and without a build
//   npm test -- keys.test --name RE   of those files, only the tests whose name matches
// --built     runs the named files as `npm test` alone does: bundled, with the service that `npm run build` made
// --no-skips  fails if a test is skipped because a program is missing that this machine should have
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { testFiles } from '../test/bundles.ts';
import { bundleTests } from './bundle-tests.ts';
import { planTests, type Unit } from './test-plan.ts';

const ROOT = join(import.meta.dirname, '..');
const REPORTER = join(ROOT, 'scripts/test-reporter.mjs');

/** More than there are cores, because tests spend half of their time waiting for other processes. */
const CONCURRENCY = availableParallelism() + 6;

/** Only ends tests that hang: the longest file takes a minute on an idle machine. */
const TEST_TIMEOUT_MS = 15 * 60_000;
const FILE_TIMEOUT_MS = 20 * 60_000;

/**
 * Programs and packages that `.ci/run` installs or can reach. A test that is skipped because one of them is missing
 * fails there.
 */
const INSTALLED =
  /redis|valkey|chromium|numpy|torch|ensurepip|setuptools|promtool|moto|docker-compose|kustomize|postgresql|pgbouncer|gcc|npm registry/i;
const SLOWEST = 10;
const MAX_OUTPUT_CHARACTERS = 20_000;

interface Ended {
  readonly path: readonly string[];
  readonly isSuite: boolean;
  readonly skip?: string;
  readonly failure?: string;
}

interface Outcome {
  readonly unit: Unit;
  readonly seconds: number;
  readonly ended: readonly Ended[];
  /** Why the whole file counts as failed, apart from its tests. */
  readonly trouble: string | undefined;
  readonly output: string;
}

const { values: options, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    all: { type: 'boolean', default: false },
    built: { type: 'boolean', default: false },
    name: { type: 'string' },
    'no-skips': { type: 'boolean', default: false },
  },
});

/** Tests for both databases run on SQLite alone, except for the tests of the database itself. */
const ONE_DIALECT = { TEST_DIALECT: 'sqlite' };
const hasOneDialect = ({ name }: Unit): boolean =>
  wanted.length === 0 && !options.all && !name.startsWith('test/database/');

const units = wanted.length > 0 ? unitsNamed(wanted) : planTests(ROOT, testFiles(), options.all);
const isBuilt = wanted.length === 0 || options.built;
const files = isBuilt ? await bundleTests(units) : units.map(({ sources }) => sources[0]!);
const nodeOptions = [
  ...(isBuilt ? ['--enable-source-maps'] : ['--import', 'tsx']),
  ...(options.name === undefined ? [] : [`--test-name-pattern=${options.name}`]),
];
const scratch = mkdtempSync(join(tmpdir(), 'squeeze-tests-'));
/**
 * Folder in which the first test that needs PostgreSQL starts a server for all of them; its user has no right to list
 * it.
 */
const postgres = mkdtempSync(join(tmpdir(), 'squeeze-postgres-'));
chmodSync(postgres, 0o711);
const startedMs = performance.now();
const outcomes: Outcome[] = [];
const waiting = units.map((unit, index) => ({ unit, file: files[index]! }));
await Promise.all(
  Array.from({ length: CONCURRENCY }, async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const outcome = await run(next.unit, next.file);
      outcomes.push(outcome);
      show(outcome);
    }
  }),
);
endPostgres();
for (const folder of [scratch, postgres]) rmSync(folder, { recursive: true, force: true });
summarise();

function endPostgres(): void {
  const pidFile = join(postgres, 'server/data/postmaster.pid');
  if (existsSync(pidFile)) process.kill(Number.parseInt(readFileSync(pidFile, 'utf8'), 10), 'SIGQUIT');
}

function unitsNamed(parts: readonly string[]): Unit[] {
  const sources = testFiles().filter((source) => parts.some((part) => relative(ROOT, source).includes(part)));
  if (sources.length === 0) {
    console.error(`No test file has ${parts.map((part) => `"${part}"`).join(' or ')} in its path.`);
    process.exit(2);
  }
  return sources.map((source) => ({ name: relative(ROOT, source), sources: [source] }));
}

async function run(unit: Unit, file: string): Promise<Outcome> {
  const folder = mkdtempSync(join(scratch, 'unit-'));
  mkdirSync(folder, { recursive: true });
  const results = join(folder, 'results.jsonl');
  const beganMs = performance.now();
  const child = spawn(
    process.execPath,
    [
      ...nodeOptions,
      `--test-timeout=${TEST_TIMEOUT_MS}`,
      `--test-reporter=${REPORTER}`,
      `--test-reporter-destination=${results}`,
      file,
    ],
    {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TEST_POSTGRES_FOLDER: postgres, ...(hasOneDialect(unit) && ONE_DIALECT) },
    },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output = (output + chunk).slice(-MAX_OUTPUT_CHARACTERS);
    });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill('SIGKILL');
  }, FILE_TIMEOUT_MS);
  // Not "close": a process that a test left behind may keep the pipes open.
  const exit = await new Promise<string | number>((resolve) =>
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'nothing')),
  );
  clearTimeout(timer);
  for (const stream of [child.stdout, child.stderr]) stream.destroy();
  // If a file cannot be loaded, there are no results.
  const ended = (existsSync(results) ? readFileSync(results, 'utf8') : '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Ended);
  const hasFailed = ended.some(({ failure }) => failure !== undefined);
  let trouble: string | undefined;
  if (isLate) trouble = `it did not end within ${FILE_TIMEOUT_MS / 60_000} minutes`;
  else if (exit !== 0 && !hasFailed) trouble = `it ended with ${exit}`;
  else if (ended.length === 0 && options.name === undefined) trouble = 'it has no tests';
  return { unit, seconds: (performance.now() - beganMs) / 1000, ended, trouble, output };
}

/** Prints what a developer needs to know about a file, and how to run it again. */
function show({ unit, seconds, ended, trouble, output }: Outcome): void {
  console.log(`${seconds.toFixed(1).padStart(6)} s  ${unit.name}`);
  for (const { path, skip } of ended)
    if (skip !== undefined)
      console.log(`          skipped: ${path.join(' › ')}: ${skip || 'no reason given'}`);
  const failures = ended.filter(({ failure }) => failure !== undefined);
  for (const { path, failure } of failures) {
    console.log(`\nFAILED   ${unit.name}: ${path.join(' › ')}\n${failure}`);
    const seed = /seed: (-?\d+)/.exec(failure!)?.[1];
    const file = unit.sources.find((source) => readFileSync(source, 'utf8').includes(path[0]!));
    const repeat = `npm test -- ${relative(ROOT, file ?? unit.sources[0]!)}`;
    console.log(`\nTo repeat it: ${seed === undefined ? '' : `FUZZ_SEED=${seed} `}${repeat}`);
  }
  if (trouble !== undefined) console.log(`\nFAILED   ${unit.name}: ${trouble}`);
  if (failures.length > 0 || trouble !== undefined) console.log(`\nIts output:\n${output}`);
}

function summarise(): void {
  const all = outcomes.flatMap(({ ended }) => ended);
  const missing = all.filter(({ skip }) => skip !== undefined && INSTALLED.test(skip));
  const failed =
    all.filter(({ failure }) => failure !== undefined).length +
    outcomes.filter(({ trouble }) => trouble !== undefined).length +
    (options['no-skips'] ? missing.length : 0);
  const skipped = all.filter(({ skip }) => skip !== undefined).length;
  const passed = all.filter(
    ({ isSuite, skip, failure }) => !isSuite && (skip ?? failure) === undefined,
  ).length;
  console.log('\nThe slowest files:');
  for (const { seconds, unit } of [...outcomes].sort((a, b) => b.seconds - a.seconds).slice(0, SLOWEST))
    console.log(`  ${seconds.toFixed(1).padStart(6)} s  ${unit.name}`);
  if (options['no-skips'])
    for (const { path, skip } of missing)
      console.log(
        `\nFAILED   ${path.join(' › ')} was skipped, though .ci/run installs what it needs: ${skip}`,
      );
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  console.log(`\n${units.length} processes, ${seconds} s`);
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  const isNothing = options.name !== undefined && passed + failed === 0;
  if (isNothing) console.log(`No test of these files that can run here matches ${options.name}.`);
  process.exitCode = failed === 0 && !isNothing ? 0 : 1;
}
