const SUFFIX = /-head$/;

interface Document {
  readonly paths?: unknown;
}

/**
 * @fastify/swagger names every HEAD operation after its GET with "-head"; the operations here have names of their
 *   own.
 */
export function withHeadOperationIds<T extends Document>(document: T): T {
  const paths = (document.paths ?? {}) as Record<string, { head?: { operationId?: string } }>;
  for (const { head } of Object.values(paths)) {
    if (head?.operationId) head.operationId = head.operationId.replace(SUFFIX, '');
  }
  return document;
}
