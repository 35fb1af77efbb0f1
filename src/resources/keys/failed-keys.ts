import { normalizeIP } from '@fastify/rate-limit';
import { LRUCache } from 'lru-cache';

const WINDOW_MS = 60_000;
const MOST_ADDRESSES = 10_000;

/**
 * Counts keys that were refused, by the address they came from, within a minute. There is no guessing a key of 192
 * bits; this is about those who try, and about clients that go on with a key that was revoked. Of this process alone.
 */
export class FailedKeys {
  private readonly most: number;
  private readonly counts = new LRUCache<string, { failures: number; readonly endMs: number }>({
    max: MOST_ADDRESSES,
    ttl: WINDOW_MS,
  });

  /** @param most failures of an address in a minute */
  constructor(most: number) {
    this.most = most;
  }

  /**
   * Counts a failure.
   * @param address an IPv6 one counts with the 2⁶⁴ of its network
   * @returns seconds to stay away; 0 while there were not too many
   */
  count(address: string): number {
    const key = normalizeIP(address);
    const nowMs = performance.now();
    let seen = this.counts.get(key);
    if (!seen || seen.endMs <= nowMs) seen = { failures: 0, endMs: nowMs + WINDOW_MS };
    seen.failures++;
    if (seen.failures === 1) this.counts.set(key, seen);
    return seen.failures > this.most ? Math.ceil((seen.endMs - nowMs) / 1000) : 0;
  }
}
