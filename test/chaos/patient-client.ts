import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '../e2e/client.ts';

const TRIES = 40;
const PAUSE_MS = 250;

/**
 * A client that repeats requests that were answered with 503, as clients should: on a machine that is busy
 * with all these processes Redis may need longer than the API waits.
 */
export class PatientClient extends Client {
  override async fetch(path: string, init?: RequestInit): Promise<Response> {
    for (let tries = 1; ; tries++) {
      const response = await super.fetch(path, init);
      if (response.status !== 503 || tries >= TRIES) return response;
      await response.body?.cancel();
      await sleep(PAUSE_MS);
    }
  }
}
