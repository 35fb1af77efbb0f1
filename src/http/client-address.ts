import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';

/** Some proxies add the port of the client's connection. */
const WITH_PORT = /^\[?(.+?)\]?:\d{1,5}$/;

/**
 * The address that a request comes from: of its connection, or where that is a trusted proxy's, the last one in
 * X-Forwarded-For that is not. What a proxy says is taken only where it is an address.
 */
export function clientAddress({ ip, socket }: Pick<FastifyRequest, 'ip' | 'socket'>): string {
  if (isIP(ip)) return ip;
  const address = WITH_PORT.exec(ip ?? '')?.[1] ?? '';
  return isIP(address) ? address : (socket.remoteAddress ?? '');
}
