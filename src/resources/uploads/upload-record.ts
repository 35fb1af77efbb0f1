import type { UploadRecord } from '../../contract/upload.ts';
import type { Upload } from './store.ts';

/** @param ttlMs how long an upload stays after its last byte */
export const expiresAt = ({ touchedAtMs }: Upload, ttlMs: number): string =>
  new Date(touchedAtMs + ttlMs).toISOString();

/** An upload as clients see it. */
export const uploadRecordOf = (upload: Upload, ttlMs: number): UploadRecord => ({
  id: upload.id,
  filename: upload.filename,
  received_bytes: upload.receivedBytes,
  total_bytes: upload.totalBytes,
  complete: upload.sha256 !== null,
  sha256: upload.sha256,
  created_at: new Date(upload.createdAtMs).toISOString(),
  expires_at: expiresAt(upload, ttlMs),
});
