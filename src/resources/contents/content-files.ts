import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { DigestedFile, LocalFile } from '../../adapter/digested-file.ts';
import { AppError } from '../../errors/app-error.ts';
import type { BlobStore, ByteRange } from '../../storage/blob-store.ts';
import { storageError } from '../../storage/storage-error.ts';

/** The key of the storage's id, by which a database recognises its storage. */
export const STORAGE_ID_KEY = 'storage-id';

export const CONTENT_PREFIX = 'content/';

/** Hexadecimal digits of a time that name a folder; a folder covers 2^20 ms. */
const WRITE_FOLDER_DIGITS = 7;

/**
 * The key of written bytes, in a folder for about a quarter of an hour. Only the database knows their content.
 * @param writeId id of the write, or of the content
 */
export const contentKey = (writeId: string): string =>
  `${CONTENT_PREFIX}${writeId.slice(0, WRITE_FOLDER_DIGITS)}/${writeId}`;

/** Smaller files are kept in the database: a separate object would cost more than the bytes. */
const MAX_INLINE_BYTES = 16 * 1024;

/** A finished file on this machine, or one in memory. */
export type NewFile = LocalFile | (DigestedFile & { readonly data: Uint8Array });

/**
 * A file whose bytes have been written durably, or are part of this object, until a record refers to them. It can be
 * sent between processes.
 */
export interface WrittenFile extends DigestedFile {
  /** The content of a small file in base64. */
  readonly inline?: string;
  /** The id under which the file was written. Without both, the content was already known. */
  readonly writtenAs?: string;
}

/** A file and the location of its bytes. It can be sent between processes. */
export interface StoredFile extends DigestedFile {
  readonly content: string;
  /** The content of a small file in base64; null if it is in the storage. */
  readonly inline: string | null;
}

/** Writes files into the storage, under ids that begin with the id of a previously recorded write. */
export class ContentWriter {
  private readonly store: Pick<BlobStore, 'putFile' | 'put'>;
  private readonly begin: () => Promise<string>;
  private writing: Promise<string> | undefined;
  /** The ids of written files by their digests. */
  private readonly written = new Map<string, string>();

  /**
   * @param begin records a write and returns its id; it is called at most once, when the first file has to be written
   */
  constructor(store: Pick<BlobStore, 'putFile' | 'put'>, begin: () => Promise<string>) {
    this.store = store;
    this.begin = begin;
  }

  /** The id of the write; undefined if nothing had to be written. */
  get writeId(): Promise<string> | undefined {
    return this.writing;
  }

  /**
   * Writes a file. Unless it is small, a file of this machine is moved away from its path. @throws AppError STORAGE_*
   */
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

/** The whole content of a small file. @throws AppError STORAGE_* */
export async function readContent(store: Pick<BlobStore, 'get'>, file: StoredFile): Promise<Uint8Array> {
  if (file.inline !== null) return Buffer.from(file.inline, 'base64');
  const bytes = await store.get(contentKey(file.content));
  if (bytes) return bytes;
  throw new AppError('STORAGE_FAILED', `The storage no longer has ${file.name} (content ${file.content}).`, {
    name: file.name,
    content: file.content,
  });
}

/**
 * A local file with the content, for random access. The caller must not write or remove it.
 * @param folder in which a small file is placed; the caller removes it
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

/** A stream of a file, or of a range inside it. @throws AppError STORAGE_* */
export async function streamContent(
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
