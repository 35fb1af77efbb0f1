import { rm } from 'node:fs/promises';
import { motoIsMissing } from '../storage/s3-servers.ts';
import { assertNothingLost } from './after-kills.ts';
import { KillPoints } from './kill-points.ts';
import type { Entry } from './member.ts';
import { WatchedFleet } from './watched-fleet.ts';

export interface KillPointsOptions {
  /** Its own, which is removed. */
  readonly folder: string;
  readonly entry: Entry;
  readonly say: (line: string) => void;
}

export interface KillPointsReport {
  readonly points: number;
  readonly seconds: number;
  /** Seconds from a kill until all was as if there had been none, at most. */
  readonly slowest: number;
}

/**
 * Kills processes at each place at which a crash may leave something half done, and holds the service to its promises.
 * @returns why it could not be tried, where there is no S3 server
 * @throws AssertionError naming the promise that was broken
 */
export async function tryKillPoints({
  folder,
  entry,
  say,
}: KillPointsOptions): Promise<KillPointsReport | string> {
  const missing = motoIsMissing();
  if (missing !== undefined) return missing;
  const begunMs = performance.now();
  const watched = await WatchedFleet.start(folder, entry);
  try {
    const killed = await KillPoints.kill(watched, say);
    say('waiting for what becomes of it');
    const slowest = await assertNothingLost(watched, killed, folder);
    const points = killed.uploads.length + killed.jobs.length;
    return { points, seconds: (performance.now() - begunMs) / 1000, slowest };
  } catch (error) {
    for (const member of watched.fleet.members)
      say(`the log of a member (${member.options.role}) ends with\n${member.log().slice(-4_000)}`);
    throw error;
  } finally {
    await watched.end();
    await rm(folder, { recursive: true, force: true });
  }
}
