import type { Readable } from 'node:stream';
import { ZipFile } from 'yazl';

export interface ZipEntry {
  readonly name: string;
  readonly bytes: number;
  readonly open: () => Promise<Readable>;
}

/** The earliest time a zip can hold, in local time as zip wants it: the same files make the same archive anywhere. */
const EPOCH = new Date(1980, 0, 1);

/**
 * A zip of the entries, stored (weights do not compress), made while it is read, one file at a time.
 * @returns the stream and the exact size of the whole archive
 */
export async function zipArchive(entries: readonly ZipEntry[]): Promise<{ stream: Readable; bytes: number }> {
  const zip = new ZipFile();
  const stream = zip.outputStream as Readable;
  let source: Readable | undefined;
  for (const { name, bytes, open } of entries) {
    const options = { mtime: EPOCH, forceDosTimestamp: true, mode: 0o100644, compress: false, size: bytes };
    zip.addReadStreamLazy(name, options, (done) => {
      open().then((opened) => {
        source = opened;
        // The reader may have gone while the file was opened.
        if (stream.destroyed) opened.destroy();
        else done(null, opened);
      }, done);
    });
  }
  zip.on('error', (error: Error) => stream.destroy(error));
  // yazl does not let go of its source when its reader leaves.
  stream.once('close', () => source?.destroy());
  const bytes = await new Promise<number>((resolve) => zip.end(resolve));
  return { stream, bytes };
}
