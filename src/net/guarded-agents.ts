import { type ClientRequestArgs, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent, type RequestOptions } from 'node:https';
import type { LookupFunction } from 'node:net';
import type { Duplex } from 'node:stream';
import { Agent, buildConnector } from 'undici';
import { portOf } from './check-url.ts';
import type { Destinations } from './destinations.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/**
 * How long one of several addresses is tried before the next one; Node's 250 ms are too short for an ocean crossing.
 */
const ADDRESS_TIMEOUT_MS = 2_500;
/** The Hub may need this long for a commit of large files. */
export const STALL_TIMEOUT_MS = 120_000;

export interface GuardedAgents {
  readonly httpAgent: HttpAgent;
  readonly httpsAgent: HttpsAgent;
}

type Created = ((error: Error | null, socket: Duplex) => void) | undefined;

/** Agents for libraries that use node:http, subject to the same rules as all other connections. */
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
      // If this were thrown, the caller of the request could not catch it; passed to the callback, it fails the
      // request.
      created?.(error as Error, undefined as unknown as Duplex);
      return undefined;
    }
  }

  return {
    httpAgent: new GuardedHttpAgent({ keepAlive: true }),
    httpsAgent: new GuardedHttpsAgent({ keepAlive: true, ...(ca !== undefined && { ca }) }),
  };
}

/** The agent for all outgoing requests. It checks every connection when it is opened, including those of redirects. */
export function guardedDispatcher(destinations: Destinations, ca: string | undefined): Agent {
  const common = {
    timeout: CONNECT_TIMEOUT_MS,
    autoSelectFamilyAttemptTimeout: ADDRESS_TIMEOUT_MS,
    ...(ca !== undefined && { ca }),
  };
  const connectors = new Map<LookupFunction, buildConnector.connector>();
  return new Agent({
    headersTimeout: STALL_TIMEOUT_MS,
    bodyTimeout: STALL_TIMEOUT_MS,
    connect: (target, callback) => {
      try {
        const url = new URL(`${target.protocol}//${target.host ?? target.hostname}`);
        const lookup = destinations.lookupFor(url.protocol, url.hostname, portOf(url));
        const connect = connectors.get(lookup) ?? buildConnector({ ...common, lookup });
        connectors.set(lookup, connect);
        connect(target, callback);
      } catch (error) {
        callback(error as Error, null);
      }
    },
  });
}
