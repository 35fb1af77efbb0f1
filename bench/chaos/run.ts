import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PRODUCT } from '../../src/version.ts';
import { tryBrownOut } from '../../test/chaos/brown-out.ts';
import { runChaos } from '../../test/chaos/chaos-run.ts';
import { tryClocks } from '../../test/chaos/clocks.ts';
import { tryFullDisk } from '../../test/chaos/disk-full.ts';
import { tryKillPoints } from '../../test/chaos/try-kill-points.ts';
import { describeMachine } from '../machine.ts';
import { writeBetweenMarks } from '../write-between-marks.ts';
import { measureRecovery } from './recovery.ts';
import { reliabilityPage } from './reliability-page.ts';

const USAGE = `Usage: npm run chaos -- [options]

Tries to break the guarantees of docs/reliability.md on the built service (npm run build first): kills, faults of the
connection to Redis, kills at each place at which a crash may leave something half done, a full disk, a store that
fails a part of all requests, clocks that jump by a day. Measures how soon it recovers, and writes the figures there.
Progress goes to standard error; it ends with 1 when a promise is broken.

  --jobs N    jobs of the chaos (default 300)
  --kills N   processes that are killed meanwhile (default 40)
  --runs N    crashes of a worker; half as many of the other recoveries (default 10)
  --seed N    of the chaos (default: another one each time)
  --dry       writes nothing`;

const ROOT = join(import.meta.dirname, '../..');
const DATA = join(ROOT, 'data/chaos');
const MEAN_PAUSE_MS = 500;
const JOBS_A_JUMP = 5;
const BROWN_OUT = { seconds: 60, longestSeconds: 60, minJobs: 0, share: 0.2 };

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      jobs: { type: 'string', default: '300' },
      kills: { type: 'string', default: '40' },
      runs: { type: 'string', default: '10' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
      dry: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const [jobs, kills, runs, seed] = [values.jobs, values.kills, values.runs, values.seed].map(whole) as [
    number,
    number,
    number,
    number,
  ];
  if (!existsSync(join(ROOT, 'dist/main.js')))
    throw new Error('dist/main.js is missing: npm run build first.');
  const beginMs = performance.now();
  const say = (line: string): void =>
    console.error(`${((performance.now() - beginMs) / 1000).toFixed(0).padStart(4)} s  ${line}`);
  await rm(DATA, { recursive: true, force: true });
  await mkdir(DATA, { recursive: true });
  try {
    const recovery = await measureRecovery({ folder: join(DATA, 'recovery'), entry: 'built', runs, say });
    const shape = { jobs, kills, seed, pauseMs: MEAN_PAUSE_MS, entry: 'built' as const };
    const chaos = await runChaos({ ...shape, folder: join(DATA, 'chaos'), say });
    say('processes are killed at given points');
    const killPoints = await tryKillPoints({ folder: join(DATA, 'points'), entry: 'built', say });
    if (typeof killPoints === 'string') say(`NOT TRIED: ${killPoints}`);
    say('the disk of the storage is full, and then cannot be written');
    const whyNot = await tryFullDisk({ folder: join(DATA, 'disk'), entry: 'built' });
    say(whyNot === undefined ? 'nothing was lost of what had been accepted' : `NOT TRIED: ${whyNot}`);
    const brownOut = await tryBrownOut({
      ...{ folder: join(DATA, 'brown-out'), entry: 'built', workers: 2, seed, say },
      ...BROWN_OUT,
    });
    if (typeof brownOut === 'string') say(`NOT TRIED: ${brownOut}`);
    say('clocks jump by a day, on and back');
    const clocks = await tryClocks({ folder: join(DATA, 'clocks'), entry: 'built', jobs: JOBS_A_JUMP, say });
    if (typeof clocks === 'string') say(`NOT TRIED: ${clocks}`);
    const machine = describeMachine({ 'LoRA-Squeeze': PRODUCT.version });
    const command = `npm run chaos -- --jobs ${jobs} --kills ${kills} --runs ${runs} --seed ${seed}`;
    const page = reliabilityPage({ machine, command, recovery, chaos, killPoints, brownOut, clocks });
    console.log(page);
    if (!values.dry) await writeBetweenMarks(join(ROOT, 'docs/chaos.md'), 'bench/chaos/run.ts', page);
  } finally {
    await rm(DATA, { recursive: true, force: true });
  }
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new Error(`${text} is no whole number from 0 on`);
  return value;
}

main().catch((error: unknown) => {
  console.error(error);
  // Ending the process also ends whatever it had started, such as a fault in progress.
  process.exit(1);
});
