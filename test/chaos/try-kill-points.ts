import { rm } from 'node:fs/promises';
import { motoIsMissing } from '../storage/s3-servers.ts';
import { assertNothingLost } from './after-kills.ts';
import { KillPoints } from './kill-points.ts';
import type { Entry } from './member.ts';
import { WatchedFleet } from './watched-fleet.ts';

export interface KillPointsOptions {
  /** A folder for this run alone, which is removed. */
  readonly folder: string;
  readonly entry: Entry;
  readonly say: (line: string) => void;
}

export interface KillPointsReport {
  readonly points: number;
  readonly seconds: number;
  /** The longest time in seconds from a kill until no trace of it was left. */
  readonly slowest: number;
}

/**
 * Kills processes at each place where a crash may leave work half done, and checks the promises of the
 * service.
 * @returns why it could not be run, if there is no S3 server
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
