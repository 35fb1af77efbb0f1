import type { UploadRecord } from '../../contract/upload.ts';
import type { StoredUpload } from './upload-folder.ts';

/** @param ttlMs how long an upload stays after its last byte */
export const expiresAtMs = ({ touchedAtMs }: StoredUpload, ttlMs: number): number => touchedAtMs + ttlMs;

/** An upload as clients see it. */
export function uploadRecordOf(upload: StoredUpload, ttlMs: number): UploadRecord {
  const { id, manifest, receivedBytes } = upload;
  return {
    id,
    filename: manifest.filename,
    received_bytes: receivedBytes,
    total_bytes: manifest.totalBytes,
    complete: manifest.sha256 !== null,
    sha256: manifest.sha256,
    created_at: new Date(manifest.createdAtMs).toISOString(),
    expires_at: new Date(expiresAtMs(upload, ttlMs)).toISOString(),
  };
}
