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
  const context = { store, openGate: () => adapters.openGate(), ...limits };
  try {
    return await receiveAdapter(request, context, onRequest !== undefined, async (upload) => {
      onRequest?.(upload.request);
      const stored = await adapters.register(upload.files, null);
      metrics.uploadEnded(stored.created ? 'created' : 'known', upload.bytes);
      return stored;
    });
  } catch (error) {
    metrics.uploadEnded(appErrorOf(error).code, request.raw.socket.bytesRead);
    throw error;
  }
}
