import { randomBytes } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { UploadFilename } from '../../contract/upload.ts';
import { errnoOf } from '../../storage/storage-error.ts';

const NAME = 'upload.json';
const DATA = 'data-';

/** What is kept of an upload beside its bytes. How many there are, and since when, the file itself says. */
export interface UploadManifest {
  readonly filename: UploadFilename;
  /** null: not announced yet. */
  readonly totalBytes: number | null;
  /** What a tus client sent along, to be given back to it. */
  readonly metadata: Readonly<Record<string, string | null>>;
  /** Name of the file of its bytes; another one when they are replaced. */
  readonly dataFile: string;
  /** Hex; null until every byte is there and was looked at. From then on the file is never written again. */
  readonly sha256: string | null;
  readonly createdAtMs: number;
}

export const newDataFile = (): string => `${DATA}${randomBytes(8).toString('hex')}`;
export const isDataFile = (name: string): boolean => name.startsWith(DATA);

/** @returns undefined where there is no upload */
export async function readManifest(folder: string): Promise<UploadManifest | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, NAME), 'utf8')) as UploadManifest;
  } catch (error) {
    // Half-written when the power failed: an upload that cannot be gone on with.
    if (error instanceof SyntaxError) return undefined;
    // ENOTDIR: something that is no upload lies at its place.
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

/** Readers see the old manifest or the new one. */
export async function writeManifest(folder: string, manifest: UploadManifest): Promise<void> {
  const path = join(folder, `.${NAME}-${randomBytes(6).toString('hex')}`);
  try {
    await writeFile(path, JSON.stringify(manifest), { flag: 'wx', flush: true });
    await rename(path, join(folder, NAME));
  } finally {
    await rm(path, { force: true });
  }
}
