import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { makeZip, predictLength } from 'client-zip';

/** A file of an archive. */
export interface ZipEntry {
  /** A relative path with slashes that cannot lead out of the archive's folder. */
  readonly name: string;
  readonly open: () => Promise<Readable>;
}

/** A file whose size is known before it is read. */
export interface SizedZipEntry extends ZipEntry {
  readonly bytes: number;
}

/**
 * The earliest time that a zip can hold. Zip stores local time, so the same files give the same archive in every time
 * zone.
 */
const EPOCH = new Date(1980, 0, 1);
/** The mode of a regular file that its owner may write and everyone may read. */
const MODE = 0o100644;

/**
 * A zip of the entries, stored without compression, because weights do not compress. An entry is requested and opened
 * when the previous one has been read, so only one is in memory, besides the entries of the central directory. The
 * stream fails if an entry does.
 */
export function zipArchive(entries: Iterable<ZipEntry> | AsyncIterable<ZipEntry>): Readable {
  let source: Readable | undefined;
  let isClosed = false;
  async function* inputs() {
    for await (const { name, open } of entries) {
      source = await open();
      // The reader may have gone away while the file was being opened.
      if (isClosed) source.destroy();
      yield { name, input: source, lastModified: EPOCH, mode: MODE };
    }
  }
  const stream = Readable.fromWeb(makeZip(inputs()) as ReadableStream<Uint8Array>);
  stream.once('close', () => {
    isClosed = true;
    source?.destroy();
  });
  return stream;
}

/** The size of the archive of these files, in bytes. */
export const zipBytes = (files: Iterable<Pick<SizedZipEntry, 'name' | 'bytes'>>): number =>
  Number(predictLength(Array.from(files, ({ name, bytes }) => ({ name, size: bytes }))));
