import type { FastifyRequest } from 'fastify';
import type { AdapterRecord } from '../../../contract/adapter.ts';
import { REQUEST_FIELD } from '../../../http/multipart/body-parts.ts';
import { workspaceOf } from '../../own-workspace.ts';
import { checkStoredBytes, type StoringSpace } from '../../tenants/usage.ts';
import type { IncomingFile } from '../service.ts';
import { ADAPTER_BODY, keepingOf, SQUEEZE_BODY } from './adapter-body.ts';
import { receiveAdapter, type UploadDependencies } from './receive-adapter.ts';

export interface StoreOptions {
  /** Called with the bytes of the `request` part when everything has arrived, before anything is kept; throws to refuse. */
  readonly onRequest?: (request: Buffer | undefined) => void;
}

/**
 * Receives an adapter from a multipart body and registers it.
 * @throws AppError as receiveAdapter, keepingOf, checkRoom and AdapterService.register
 */
export function storeUpload(
  request: FastifyRequest,
  deps: UploadDependencies,
  { onRequest }: StoreOptions = {},
): Promise<AdapterRecord> {
  const workspace = workspaceOf(request);
  return receiveAdapter(request, deps, {
    parts: onRequest ? SQUEEZE_BODY : ADAPTER_BODY,
    use: async ({ files, fields }) => {
      onRequest?.(fields.get(REQUEST_FIELD));
      const keeping = keepingOf(request, fields);
      await checkRoom(workspace, files);
      return workspace.adapters.register(files, keeping, request.idempotent?.idOf('ad'));
    },
    outcomeOf: ({ content_known }) => (content_known ? 'known' : 'created'),
  });
}

/**
 * Refuses an adapter that has come where the tenant has no room for it: it counts in full, whatever it shares with others.
 * @throws AppError QUOTA_TOO_SMALL, QUOTA_STORED_BYTES, STORAGE_*
 */
export function checkRoom(space: StoringSpace, files: readonly IncomingFile[]): Promise<void> {
  return checkStoredBytes(
    space,
    files.reduce((sum, { bytes }) => sum + bytes, 0),
  );
}
