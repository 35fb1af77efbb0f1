import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { DigestedFile, LocalFile } from '../../adapter/digested-file.ts';
import { AppError } from '../../errors/app-error.ts';
import type { BlobStore, ByteRange } from '../../storage/blob-store.ts';
import { storageError } from '../../storage/storage-error.ts';

/** Which storage this is, for a database to know its own. */
export const STORAGE_ID_KEY = 'storage-id';

export const CONTENT_PREFIX = 'content/';

/** Digits of a time in hex that name a folder: it holds 2^20 ms. */
const WRITE_FOLDER_DIGITS = 7;

/**
 * Where a write puts its bytes: in a folder for each quarter of an hour. What the bytes are, the database knows.
 * @param writeId or id of a content
 */
export const contentKey = (writeId: string): string =>
  `${CONTENT_PREFIX}${writeId.slice(0, WRITE_FOLDER_DIGITS)}/${writeId}`;

/** Smaller files are kept in the database: a separate object would cost more than the bytes. */
const MAX_INLINE_BYTES = 16 * 1024;

/** A finished file of this machine, or one in memory. */
export type NewFile = LocalFile | (DigestedFile & { readonly data: Uint8Array });

/** A file whose bytes are safe, or come along, until a record refers to them. It may go from process to process. */
export interface WrittenFile extends DigestedFile {
  /** Base64 of a small one. */
  readonly inline?: string;
  /** Id under which it was written. Neither: it was known already. */
  readonly writtenAs?: string;
}

/** A file and the location of its bytes. It can be sent between processes. */
export interface StoredFile extends DigestedFile {
  readonly content: string;
  /** Base64 of a small file; null: it is in the storage. */
  readonly inline: string | null;
}

/** Writes files into the storage, under ids that begin with that of a write which is recorded before. */
export class ContentWriter {
  private readonly store: Pick<BlobStore, 'putFile' | 'put'>;
  private readonly begin: () => Promise<string>;
  private writing: Promise<string> | undefined;
  /** By their digests. */
  private readonly written = new Map<string, string>();

  /** @param begin records a write and returns its id; called once, if something has to be written */
  constructor(store: Pick<BlobStore, 'putFile' | 'put'>, begin: () => Promise<string>) {
    this.store = store;
    this.begin = begin;
  }

  /** Of the write; undefined: nothing had to be written. */
  get writeId(): Promise<string> | undefined {
    return this.writing;
  }

  /** A file of this machine is gone from its path afterwards, unless it is small. @throws AppError STORAGE_* */
  async write(file: NewFile): Promise<WrittenFile> {
    const { name, sha256, bytes } = file;
    if (isInline(file)) {
      const data = 'data' in file ? file.data : await contentOf(file.path);
      return { name, sha256, bytes, inline: Buffer.from(data).toString('base64') };
    }
    const before = this.written.get(sha256);
    if (before !== undefined) return { name, sha256, bytes, writtenAs: before };
    this.writing ??= this.begin();
    const writtenAs = `${await this.writing}-${this.written.size}`;
    if ('data' in file) await this.store.put(contentKey(writtenAs), file.data);
    else await this.store.putFile(contentKey(writtenAs), file.path);
    this.written.set(sha256, writtenAs);
    return { name, sha256, bytes, writtenAs };
  }
}

export const isInline = ({ bytes }: Pick<DigestedFile, 'bytes'>): boolean => bytes <= MAX_INLINE_BYTES;

/** All of a small file. @throws AppError STORAGE_* */
export async function bytesOf(store: Pick<BlobStore, 'get'>, file: StoredFile): Promise<Uint8Array> {
  if (file.inline !== null) return Buffer.from(file.inline, 'base64');
  const bytes = await store.get(contentKey(file.content));
  if (bytes) return bytes;
  throw new AppError('STORAGE_FAILED', `The storage no longer has ${file.name} (content ${file.content}).`, {
    name: file.name,
    content: file.content,
  });
}

/**
 * A local file with the content, for random access. Never to be written or removed by the caller.
 * @param folder where a small one is put; the caller removes it
 * @throws AppError STORAGE_*
 */
export async function localFile(
  store: Pick<BlobStore, 'localFile'>,
  { content, bytes, inline }: StoredFile,
  folder: string,
): Promise<string> {
  if (inline === null) return store.localFile(contentKey(content), bytes);
  const path = join(folder, content);
  try {
    await writeFile(path, Buffer.from(inline, 'base64'));
  } catch (error) {
    throw storageError('write', error);
  }
  return path;
}

/** A stream of a file, or of a range of it that lies inside. @throws AppError STORAGE_* */
export async function streamOf(
  store: Pick<BlobStore, 'read'>,
  { content, inline }: StoredFile,
  range?: ByteRange,
): Promise<Readable> {
  if (inline === null) return store.read(contentKey(content), range);
  const bytes = Buffer.from(inline, 'base64');
  return Readable.from([range ? bytes.subarray(range.start, range.end + 1) : bytes], { objectMode: false });
}

async function contentOf(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw storageError('read', error);
  }
}
