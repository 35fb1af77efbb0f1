import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { makeZip, predictLength } from 'client-zip';

/** A file of an archive. */
export interface ZipEntry {
  /** A path with slashes, which is safe. */
  readonly name: string;
  readonly open: () => Promise<Readable>;
}

/** A file whose size is known before it is read. */
export interface SizedZipEntry extends ZipEntry {
  readonly bytes: number;
}

/** The earliest time a zip can hold, in local time as zip wants it: the same files make the same archive anywhere. */
const EPOCH = new Date(1980, 0, 1);
/** A common file, which its owner may write and all may read. */
const MODE = 0o100644;

/**
 * A zip of the entries, stored (weights do not compress). Each is asked for and opened when the one before was read: of many
 * there is one at a time in memory, and of the others what the directory at the end has of each. The stream fails where
 * an entry does.
 */
export function zipArchive(entries: Iterable<ZipEntry> | AsyncIterable<ZipEntry>): Readable {
  let source: Readable | undefined;
  let isClosed = false;
  async function* inputs() {
    for await (const { name, open } of entries) {
      source = await open();
      // The reader may have gone while the file was opened.
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

/** How many bytes the archive of files has. */
export const zipBytes = (files: Iterable<Pick<SizedZipEntry, 'name' | 'bytes'>>): number =>
  Number(predictLength(Array.from(files, ({ name, bytes }) => ({ name, size: bytes }))));
