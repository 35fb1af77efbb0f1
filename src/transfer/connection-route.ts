import type { Outbound } from '../net/outbound.ts';
import type { ConnectionAccess } from './connection-access.ts';

/** The means to reach other servers. */
export interface ConnectionRoute {
  readonly outbound: Outbound;
  /** The URL of the Hub, without a trailing slash. */
  readonly hubEndpoint: string;
}

/**
 * Does something with the destinations of a connection: its Hub, and hosts that only it may reach.
 * @param access null if there is no connection
 */
export async function withConnectionRoute<T>(
  access: ConnectionAccess | null,
  { outbound: shared, hubEndpoint }: ConnectionRoute,
  work: (route: ConnectionRoute) => Promise<T>,
): Promise<T> {
  const hosts = access?.allowed_hosts ?? [];
  const outbound = hosts.length > 0 ? shared.withAllowedHosts(hosts) : shared;
  const endpoint = access?.endpoint?.replace(/\/+$/, '');
  try {
    return await work({ outbound, hubEndpoint: endpoint ?? hubEndpoint });
  } finally {
    if (outbound !== shared) await outbound.close();
  }
}
