import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PRODUCT } from '../../src/version.ts';
import { llamaAdapter } from '../adapter/adapter-spec.ts';
import { writeAdapter } from '../adapter/write-adapter.ts';
import { describeMachine } from '../machine.ts';
import { markdownTable } from '../markdown-table.ts';
import { quantile } from '../statistics.ts';
import { writeBetweenMarks } from '../write-between-marks.ts';
import { MODULES, writeGpt2Adapters } from './gpt2-adapters.ts';
import {
  type BatchRate,
  type Mix,
  measureBatch,
  measureCalls,
  measureCommand,
  measureLoop,
  measureMix,
  type Rate,
  TARGET_RANK,
} from './measure-small.ts';

const USAGE = `Usage: npx tsx bench/small/run.ts [options]

Many small adapters, of GPT-2's size and all different: a batch of them through the built service (npm run build first),
the command over their folders, and a loop in torch; then one call after the other, from the upload to the result, and
small jobs beside a large one.
Progress goes to standard error, Markdown to standard output.

  --count N   adapters (default 1000)
  --calls N   one after the other (default 50)
  --only LIST parts, of loop, batch, command, calls and mix
  --write     into docs/small-adapters.md instead of standard output`;

const ROOT = join(import.meta.dirname, '../..');
const DATA = join(ROOT, 'data/bench/small');
const ADAPTERS = join(DATA, 'adapters');
const STATE = join(DATA, 'state');
const OUT = join(DATA, 'out');
const LARGE = join(DATA, 'large');
const LARGE_RANK = 64;

async function main(): Promise<void> {
  const words = process.argv.slice(2);
  const { values } = parseArgs({
    args: words,
    options: {
      count: { type: 'string', default: '1000' },
      calls: { type: 'string', default: '50' },
      only: { type: 'string', default: 'loop,batch,command,calls,mix' },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  if (!existsSync(join(ROOT, 'dist/main.js')))
    throw new Error('dist/main.js is missing: npm run build first.');
  const count = Number(values.count);
  const parts = new Set(values.only.split(','));
  try {
    console.error(`${count} adapters …`);
    const folders = await writeGpt2Adapters(ADAPTERS, count);
    const rates: (readonly [string, Rate | BatchRate])[] = [];
    const measure = async <T extends Rate>(name: string, run: () => Promise<T>): Promise<T> => {
      console.error(`${name} …`);
      const rate = await run();
      rates.push([name, rate]);
      return rate;
    };
    let library = '';
    if (parts.has('loop')) ({ library } = await measure('torch loop', () => measureLoop(ADAPTERS, OUT)));
    if (parts.has('batch'))
      for (const slots of ['1', '2'])
        await measure(`batch, WORKER_CONCURRENCY=${slots}`, () =>
          measureBatch(STATE, folders, { WORKER_CONCURRENCY: slots }),
        );
    if (parts.has('command')) await measure('command', () => measureCommand(folders, OUT));
    const calls = parts.has('calls') ? await measureCalls(STATE, folders.slice(0, Number(values.calls))) : [];
    const mix = parts.has('mix') ? await besideLarge(folders.slice(0, Number(values.calls))) : undefined;
    const versions = { 'LoRA-Squeeze': PRODUCT.version, ...(library && { peer: library }) };
    const conditions = [
      ...describeMachine(versions),
      `Command: \`${['npx tsx bench/small/run.ts', ...words].join(' ')}\``,
    ];
    const results = [page(conditions, count, rates, calls), ...(mix ? [mixWords(mix)] : [])].join('\n');
    if (values.write)
      await writeBetweenMarks(join(ROOT, 'docs/small-adapters.md'), 'bench/small/run.ts', results);
    else console.log(results);
  } finally {
    await rm(LARGE, { recursive: true, force: true });
    await rm(STATE, { recursive: true, force: true });
    await rm(OUT, { recursive: true, force: true });
  }
}

async function besideLarge(folders: readonly string[]): Promise<Mix> {
  console.error('small jobs beside a large one …');
  await writeAdapter(LARGE, llamaAdapter(LARGE_RANK));
  return measureMix(STATE, folders, LARGE);
}

function mixWords({ waitMs, largeSeconds }: Mix): string {
  const ms = (q: number): string => quantile(waitMs, q).toFixed(0);
  return `
With two slots, while a job of Llama-2-7B's shape at rank ${LARGE_RANK} ran for ${largeSeconds.toFixed(1)} s, ${waitMs.length} small jobs one after the
other waited ${ms(0.5)} ms (median), ${ms(1)} ms at most, before they began.`;
}

function page(
  conditions: readonly string[],
  count: number,
  rates: readonly (readonly [string, Rate | BatchRate])[],
  calls: readonly number[],
): string {
  const perSecond = ({ adapters, seconds }: Rate) => adapters / seconds;
  const loop = rates.find(([name]) => name === 'torch loop')?.[1];
  const rows = rates.map(([name, rate]) => [
    name,
    rate.seconds.toFixed(2),
    perSecond(rate).toFixed(1),
    loop ? (perSecond(rate) / perSecond(loop)).toFixed(2) : '',
    ((1000 * rate.cpuSeconds) / rate.adapters).toFixed(1),
    'uploads' in rate ? ((1000 * rate.uploads.cpuSeconds) / rate.adapters).toFixed(1) : '',
  ]);
  const head = ['', 'seconds', 'a second', 'of the loop', 'CPU ms each', 'uploading, CPU ms each'];
  const ms = (q: number) => quantile(calls, q).toFixed(0);
  return `${conditions.map((line) => `- ${line}`).join('\n')}

${count} adapters of GPT-2's size (${MODULES} modules, rank 8, float32, 3.2 MB), all different, to rank ${TARGET_RANK}.

${rows.length > 0 ? markdownTable([head, ...rows]) : ''}
${calls.length > 0 ? `\nOne call of \`POST /v1/squeeze\` with \`Prefer: wait\` after the other, ${calls.length} times: ${calls[0]!.toFixed(0)} ms the first, ${ms(0.5)} ms (p50), ${ms(0.99)} ms (p99).` : ''}`;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
