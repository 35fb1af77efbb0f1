import type { FastifyRequest } from 'fastify';
import type { AdapterRecord } from '../contract/adapter.ts';
import { appErrorOf } from './app-error-of.ts';
import type { HttpDependencies } from './dependencies.ts';
import { receiveAdapter } from './upload/receive-adapter.ts';

export interface StoredUpload {
  readonly record: AdapterRecord;
  readonly created: boolean;
}

export interface StoreOptions {
  /** Called with the `request` part when everything has arrived, before anything is kept; throws to refuse. */
  readonly onRequest?: (request: unknown) => void;
}

/** Receives an adapter from a multipart body and registers it, counting how that ended. */
export async function storeUpload(
  request: FastifyRequest,
  { adapters, store, metrics, limits }: HttpDependencies,
  { onRequest }: StoreOptions = {},
): Promise<StoredUpload> {
  let bytes = 0;
  const onEnd = (received: number): void => {
    bytes = received;
  };
  const context = { store, openGate: () => adapters.openGate(), onEnd, ...limits };
  try {
    const stored = await receiveAdapter(request, context, onRequest !== undefined, async (upload) => {
      onRequest?.(upload.request);
      return adapters.register(upload.files, null);
    });
    metrics.uploadEnded(stored.created ? 'created' : 'known', bytes);
    return stored;
  } catch (error) {
    metrics.uploadEnded(appErrorOf(error).code, bytes);
    throw error;
  }
}
