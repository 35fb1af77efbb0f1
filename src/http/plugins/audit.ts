import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { ErrorCode } from '../../errors/error-kinds.ts';
import { clientAddress } from '../client-address.ts';
import { API_PREFIX } from '../principal.ts';

declare module 'fastify' {
  interface FastifyReply {
    /** The code with which the request was refused; null if it was not. */
    problemCode: ErrorCode | null;
  }
}

/** Who did something, or tried to. Contains no bodies and no headers, and only the id of a key. */
export interface AuditEntry {
  /** null if no key was accepted. A valid key without the required scope counts as accepted. */
  readonly tenant: string | null;
  /** The tenant for which an administrator acted; absent for the administrator's own. */
  readonly actingFor?: string;
  readonly keyId: string | null;
  /** The operationId of the contract. */
  readonly action: string;
  /** The object of the action: the ids in the path, or the address of what was created. */
  readonly object: Readonly<Record<string, string>> | string | null;
  readonly status: number;
  readonly code: ErrorCode | null;
  readonly ip: string;
  readonly requestId: string;
}

export interface AuditOptions {
  /** undefined: no audit log is written. */
  readonly audit: ((entry: AuditEntry) => void) | undefined;
}

const READS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
const DENIED: ReadonlySet<number> = new Set([401, 403]);

/**
 * Writes an entry for every request to the API that changes something or tries to, for every request whose key was
 * refused, and for every request of an administrator for another tenant.
 */
export const audit = fp(async (app: FastifyInstance, { audit: write }: AuditOptions) => {
  app.decorateReply('problemCode', null);
  if (!write) return;
  app.addHook('onResponse', (request, reply, done) => {
    const { url, schema } = request.routeOptions;
    const isNoted = !READS.has(request.method) || DENIED.has(reply.statusCode) || request.actingFor !== null;
    if (url?.startsWith(API_PREFIX) && isNoted) {
      write(entryOf(request, reply, schema?.operationId ?? `${request.method} ${url}`));
    }
    done();
  });
});

function entryOf(request: FastifyRequest, reply: FastifyReply, action: string): AuditEntry {
  const { principal, actingFor } = request;
  const params = request.params as Record<string, string>;
  const location = reply.getHeader('location');
  return {
    tenant: principal?.tenant ?? null,
    ...(actingFor !== null && { actingFor }),
    keyId: principal?.keyId ?? null,
    action,
    object:
      Object.keys(params ?? {}).length > 0 ? { ...params } : location === undefined ? null : String(location),
    status: reply.statusCode,
    code: reply.problemCode,
    ip: clientAddress(request),
    requestId: request.id,
  };
}
