import { type ClientRequestArgs, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent, type RequestOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import type { Destinations } from './destinations.ts';

export interface GuardedAgents {
  readonly httpAgent: HttpAgent;
  readonly httpsAgent: HttpsAgent;
}

/** How long one of several addresses is tried before the next one; Node's 250 ms are too few across an ocean. */
export const ADDRESS_TIMEOUT_MS = 2_500;

type Created = ((error: Error | null, socket: Duplex) => void) | undefined;

/** Agents for libraries that speak through node:http, behind the same rules as everything else. */
export function guardedAgents(destinations: Destinations, ca: string | undefined): GuardedAgents {
  class GuardedHttpAgent extends HttpAgent {
    override createConnection(options: ClientRequestArgs, created?: Created): Duplex | null | undefined {
      return guarded('http:', options, created, (checked) => super.createConnection(checked, created));
    }
  }
  class GuardedHttpsAgent extends HttpsAgent {
    override createConnection(options: RequestOptions, created?: Created): Duplex | null | undefined {
      return guarded('https:', options, created, (checked) => super.createConnection(checked, created));
    }
  }

  function guarded<Options extends ClientRequestArgs>(
    protocol: string,
    options: Options,
    created: Created,
    connect: (checked: Options) => Duplex | null | undefined,
  ): Duplex | null | undefined {
    try {
      const lookup = destinations.lookupFor(protocol, options.host ?? '', Number(options.port));
      return connect({ ...options, lookup, autoSelectFamilyAttemptTimeout: ADDRESS_TIMEOUT_MS });
    } catch (error) {
      // Thrown, it would escape from where the request is made; called back, the request fails with it.
      created?.(error as Error, undefined as unknown as Duplex);
      return undefined;
    }
  }

  return {
    httpAgent: new GuardedHttpAgent({ keepAlive: true }),
    httpsAgent: new GuardedHttpsAgent({ keepAlive: true, ...(ca !== undefined && { ca }) }),
  };
}
