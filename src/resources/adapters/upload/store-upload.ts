import type { FastifyRequest } from 'fastify';
import type { AdapterRecord } from '../../../contract/adapter.ts';
import { appErrorOf } from '../../../http/app-error-of.ts';
import { type BodyParts, REQUEST_FIELD } from '../../../http/multipart/body-parts.ts';
import { AnsweredBefore } from '../../../http/stored-answer.ts';
import type { Metrics } from '../../../metrics/metrics.ts';
import type { BlobStore } from '../../../storage/blob-store.ts';
import { workspaceOf } from '../../own-workspace.ts';
import { ADAPTER_BODY, SQUEEZE_BODY } from './adapter-body.ts';
import { keepingOf } from './keeping-fields.ts';
import { type ReceivedUpload, receiveAdapter } from './receive-adapter.ts';
import { checkAnnouncedRoom, checkRoom } from './room.ts';

/** What it takes to receive an adapter. */
export interface UploadDependencies {
  readonly store: BlobStore;
  readonly metrics: Pick<Metrics, 'uploadEnded'>;
  readonly limits: UploadLimits;
}

export interface UploadLimits {
  /** Largest weights file. */
  readonly maxUploadBytes: number;
  /** An upload from which (almost) nothing comes for this long is refused. */
  readonly uploadIdleTimeoutMs: number;
}

export interface StoreOptions {
  /** Called with the bytes of the `request` part when everything has arrived, before anything is kept; throws to refuse. */
  readonly onRequest?: (request: Buffer | undefined) => void;
}

/** Receives an adapter from a multipart body and registers it, counting how that ended. */
export function storeUpload(
  request: FastifyRequest,
  deps: UploadDependencies,
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
  { store, metrics, limits }: UploadDependencies,
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
