import type { FastifyRequest } from 'fastify';
import type { AdapterRecord } from '../contract/adapter.ts';
import { appErrorOf } from './app-error-of.ts';
import type { HttpDependencies } from './dependencies.ts';
import { AnsweredBefore } from './idempotency/stored-answer.ts';
import { workspaceOf } from './principal.ts';
import { ADAPTER_BODY, type BodyParts, REQUEST_FIELD, SQUEEZE_BODY } from './upload/body-parts.ts';
import { keepingOf } from './upload/keeping-fields.ts';
import { type ReceivedUpload, receiveAdapter } from './upload/receive-adapter.ts';
import { checkAnnouncedRoom, checkRoom } from './upload/room.ts';

export interface StoreOptions {
  /** Called with the bytes of the `request` part when everything has arrived, before anything is kept; throws to refuse. */
  readonly onRequest?: (request: Buffer | undefined) => void;
}

/** Receives an adapter from a multipart body and registers it, counting how that ended. */
export function storeUpload(
  request: FastifyRequest,
  deps: HttpDependencies,
  { onRequest }: StoreOptions = {},
): Promise<AdapterRecord> {
  const workspace = workspaceOf(request);
  const parts = onRequest ? SQUEEZE_BODY : ADAPTER_BODY;
  return receiveCounted(
    request,
    deps,
    parts,
    async ({ files, fields }) => {
      onRequest?.(fields.get(REQUEST_FIELD));
      const keeping = keepingOf(request, fields);
      await checkRoom(workspace, files);
      return workspace.adapters.register(files, keeping, request.idempotent?.idOf('ad'));
    },
    ({ content_known }) => (content_known ? 'known' : 'created'),
  );
}

/**
 * Receives a multipart body, hands it to `use`, and counts the upload.
 * @param outcomeOf the outcome to count; failures count as their code
 * @throws AppError, AnsweredBefore as receiveAdapter and `use`
 */
export async function receiveCounted<T>(
  request: FastifyRequest,
  { store, metrics, limits }: HttpDependencies,
  parts: BodyParts,
  use: (upload: ReceivedUpload) => Promise<T>,
  outcomeOf: (result: T) => string,
): Promise<T> {
  let bytes = 0;
  const onEnd = (received: number): void => {
    bytes = received;
  };
  const context = { store, openGate: () => workspaceOf(request).adapters.openGate(), onEnd, ...limits };
  try {
    await checkAnnouncedRoom(request, parts);
    const result = await receiveAdapter(request, context, parts, use);
    metrics.uploadEnded(outcomeOf(result), bytes);
    return result;
  } catch (error) {
    metrics.uploadEnded(error instanceof AnsweredBefore ? 'replayed' : appErrorOf(error).code, bytes);
    throw error;
  }
}
