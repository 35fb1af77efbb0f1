import { setTimeout as sleep } from 'node:timers/promises';
import { Fleet } from '../../test/chaos/fleet.ts';
import type { Entry } from '../../test/chaos/member.ts';
import { SoakLoad } from './load.ts';
import { type Reading, ResourceWatch, SERIES, type Series } from './resource-watch.ts';
import { slope } from './slope.ts';

/** The first part of a soak: caches fill up, code is compiled, the heap reaches its size. */
export const WARM_UP_SHARE = 0.3;
const SAMPLE_MS = 3_000;
/** After this time, values within the slack count as quiet, because the machine may be busy with other things. */
const SETTLE_MS = 30_000;
const SETTLE_LIMIT_MS = 120_000;

/** The largest growth per minute that a series may have after the warm-up. */
export const BOUNDS: Readonly<Record<Series, number>> = {
  'api RSS, MB': 2,
  'worker RSS, MB': 2,
  'compute RSS, MB': 4,
  'api handles': 1,
  'worker handles': 1,
  'compute handles': 1,
  'redis memory, MB': 0.5,
  'redis keys': 1,
  'scratch files': 0.5,
};

/** Series that must return to their initial values when the service gets no more requests. */
export const STEADY = [
  'api handles',
  'worker handles',
  'compute handles',
  'redis keys',
  'scratch files',
] as const;

/**
 * V8 leaves garbage uncollected while there is room: by default some gigabytes, which a soak of minutes would not
 * fill. In a small heap, only what is still referenced can grow, and a leak ends the process.
 */
const HEAP_MB = 192;

/** Clients keep connections open for a while, and so does the API to Redis: small differences mean nothing. */
const HANDLES_SLACK = 4;

/** Longer than idle connections are kept open. */
const IDLE_CLOSE_MS = 8_000;

export interface SoakOptions {
  readonly folder: string;
  readonly entry: Entry;
  readonly minutes: number;
  /** The soak continues until this many rounds are done, however long that takes. */
  readonly minRounds: number;
  readonly say: (line: string) => void;
}

export interface SoakReport {
  readonly minutes: number;
  readonly rounds: number;
  readonly rows: readonly SoakRow[];
}

export interface SoakRow {
  readonly series: Series;
  /** Measured after a few rounds, and at the end when everything is quiet. */
  readonly before: number;
  readonly after: number;
  readonly most: number;
  /** Growth per minute, after the warm-up. */
  readonly slope: number;
  readonly bound: number;
}

/** Sends the same requests to a small fleet for some minutes, and watches what grows. */
export async function runSoak({ folder, entry, minutes, minRounds, say }: SoakOptions): Promise<SoakReport> {
  const env = { LOG_LEVEL: 'error', NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}` };
  const fleet = await Fleet.start({ folder, entry, workers: 1, env });
  const watch = new ResourceWatch(fleet);
  try {
    const load = new SoakLoad(fleet.api.url);
    await load.run(() => load.rounds >= 3);
    const before = await settle(watch);
    const begunMs = performance.now();
    const passed = (): number => (performance.now() - begunMs) / 60_000;
    const samples: { minutes: number; reading: Reading }[] = [];
    const loading = load.run(() => passed() > minutes && load.rounds >= minRounds);
    let isLoading = true;
    const loaded = loading.finally(() => {
      isLoading = false;
    });
    loaded.catch(() => undefined);
    while (isLoading) {
      samples.push({ minutes: passed(), reading: await watch.read() });
      await Promise.race([loaded.catch(() => undefined), sleep(SAMPLE_MS)]);
    }
    await loaded;
    say(`${load.rounds} rounds`);
    const after = await settle(watch, before);
    const warm = samples.filter((sample) => sample.minutes > WARM_UP_SHARE * minutes);
    const rows = SERIES.map((series) => ({
      series,
      before: before[series],
      after: after[series],
      most: Math.max(...samples.map(({ reading }) => reading[series])),
      slope: slope(warm.map(({ minutes, reading }) => ({ minutes, value: reading[series] }))),
      bound: BOUNDS[series],
    }));
    return { minutes, rounds: load.rounds, rows };
  } finally {
    watch.close();
    await fleet.end();
  }
}

/** Series that must be steady but have grown, one sentence each. */
export function leaks({ rows }: SoakReport): string[] {
  return rows
    .filter(({ series }) => (STEADY as readonly string[]).includes(series))
    .filter(({ series, before, after }) => after > before + slackOf(series))
    .map(({ series, before, after }) => `${series}: ${before} before, ${after} afterwards`);
}

/**
 * Series that grew faster than allowed and did not shrink again when everything was quiet, one sentence each. The
 * heap of a busy process grows and shrinks by tens of megabytes.
 */
export function growths({ rows }: SoakReport): string[] {
  return rows
    .filter((row) => row.slope > row.bound && row.after > row.before)
    .map((row) => `${row.series}: ${row.slope.toFixed(2)} a minute, at most ${row.bound}`);
}

const slackOf = (series: Series): number => (series.endsWith('handles') ? HANDLES_SLACK : 0);

/** Waits until idle connections are closed, or as little is left as there was at the beginning. */
async function settle(watch: ResourceWatch, before?: Reading): Promise<Reading> {
  const begunAt = Date.now();
  const passedMs = (): number => Date.now() - begunAt;
  for (;;) {
    const reading = await watch.read();
    const isQuiet = (series: Series, slack: number) => before && reading[series] <= before[series] + slack;
    if (STEADY.every((series) => isQuiet(series, passedMs() > SETTLE_MS ? slackOf(series) : 0)))
      return reading;
    if (passedMs() > (before ? SETTLE_LIMIT_MS : IDLE_CLOSE_MS)) return reading;
    await sleep(250);
  }
}
