import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';

/** An address with a port: some proxies add the port of the client's connection. */
const WITH_PORT = /^\[?(.+?)\]?:\d{1,5}$/;

/**
 * The address of the client: that of the connection or, if that is a trusted proxy, the last address in
 * X-Forwarded-For that does not belong to a trusted proxy. Entries that are not addresses are ignored.
 */
export function clientAddress({ ip, socket }: Pick<FastifyRequest, 'ip' | 'socket'>): string {
  if (isIP(ip)) return ip;
  const address = WITH_PORT.exec(ip ?? '')?.[1] ?? '';
  return isIP(address) ? address : (socket.remoteAddress ?? '');
}
