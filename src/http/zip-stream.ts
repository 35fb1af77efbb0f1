import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';

/** An entry of an archive that is made up while it is sent. */
export interface StreamedEntry {
  /** A path with slashes, which is safe. */
  readonly name: string;
  /** At least as many as there are, where that may be 4 GiB or more. */
  readonly maxBytes: number;
  readonly open: () => Promise<Readable>;
}

/** The largest number that fields of four bytes hold; it says itself that a field of eight bytes has the right one. */
const MAX_4 = 0xffff_ffff;
const MAX_2 = 0xffff;
/** Version of the format that it takes: with fields of eight bytes, and without. */
const [VERSION_8, VERSION] = [45, 20];
/** Names are in UTF-8, and checksum and sizes follow the bytes. */
const FLAGS = 0x0808;
/** 1980-01-01, the earliest there is: the same files make the same archive. */
const DATE = 0x0021;
const UNIX = 3;
/** A common file, which its owner may write and all may read. */
const MODE = 0o100644;
const EIGHT_BYTES = 1;

/** Its fields: two, four or eight bytes of each number, the least first. */
function fields(...numbers: readonly (readonly [bytes: 2 | 4 | 8, value: number])[]): Buffer {
  const buffer = Buffer.alloc(numbers.reduce((sum, [bytes]) => sum + bytes, 0));
  let at = 0;
  for (const [bytes, value] of numbers) {
    if (bytes === 8) buffer.writeBigUInt64LE(BigInt(value), at);
    else buffer.writeUIntLE(value, at, bytes);
    at += bytes;
  }
  return buffer;
}

/**
 * A zip of entries, stored as they are, that are asked for one by one, each when the one before was read: of many there is one
 * at a time here, and of the others the hundred bytes that the directory at the end has of each. The stream fails where an
 * entry does. (APPNOTE.TXT of PKWARE, 4.3)
 */
export const zipStream = (entries: AsyncIterable<StreamedEntry>): Readable =>
  Readable.from(chunksOf(entries), { objectMode: false, highWaterMark: 1 });

async function* chunksOf(entries: AsyncIterable<StreamedEntry>): AsyncGenerator<Buffer, void, undefined> {
  const directory = new Pages();
  let [count, offset] = [0, 0];
  for await (const { name, maxBytes, open } of entries) {
    const source = await open();
    const path = Buffer.from(name);
    const isLarge = maxBytes >= MAX_4;
    const header = Buffer.concat([headerOf(path.length, isLarge), path, isLarge ? noSizes() : NOTHING]);
    yield header;
    let [crc, bytes] = [0, 0];
    for await (const chunk of source as AsyncIterable<Buffer | string>) {
      const read = Buffer.from(chunk as Buffer);
      crc = crc32(read, crc);
      bytes += read.length;
      yield read;
    }
    const width = isLarge ? 8 : 4;
    const descriptor = fields([4, 0x08074b50], [4, crc], [width, bytes], [width, bytes]);
    yield descriptor;
    directory.add(directoryEntry(path, { crc, bytes, offset }));
    count += 1;
    offset += header.length + bytes + descriptor.length;
  }
  yield* directory.pages();
  yield endOf(count, directory.bytes, offset);
}

const NOTHING = Buffer.alloc(0);

/** What stands before the name of an entry and its bytes. */
const headerOf = (nameBytes: number, isLarge: boolean): Buffer =>
  fields(
    ...([
      [4, 0x04034b50],
      [2, isLarge ? VERSION_8 : VERSION],
      [2, FLAGS],
      [2, 0],
      [2, 0],
      [2, DATE],
    ] as const),
    ...([
      [4, 0],
      [4, 0],
      [4, 0],
      [2, nameBytes],
      [2, isLarge ? 20 : 0],
    ] as const),
  );

/** Says that the sizes that follow the bytes have eight of them. */
const noSizes = (): Buffer => fields([2, EIGHT_BYTES], [2, 16], [8, 0], [8, 0]);

interface Written {
  readonly crc: number;
  readonly bytes: number;
  /** Where it begins in the archive. */
  readonly offset: number;
}

function directoryEntry(path: Buffer, { crc, bytes, offset }: Written): Buffer {
  const isLarge = bytes >= MAX_4 || offset >= MAX_4;
  const extra = isLarge ? fields([2, EIGHT_BYTES], [2, 24], [8, bytes], [8, bytes], [8, offset]) : NOTHING;
  const version = isLarge ? VERSION_8 : VERSION;
  const size = isLarge ? MAX_4 : bytes;
  const head = fields(
    ...([
      [4, 0x02014b50],
      [2, UNIX * 256 + version],
      [2, version],
      [2, FLAGS],
      [2, 0],
      [2, 0],
    ] as const),
    ...([
      [2, DATE],
      [4, crc],
      [4, size],
      [4, size],
      [2, path.length],
      [2, extra.length],
      [2, 0],
    ] as const),
    ...([
      [2, 0],
      [2, 0],
      [4, MODE * 0x1_0000],
      [4, isLarge ? MAX_4 : offset],
    ] as const),
  );
  return Buffer.concat([head, path, extra]);
}

/** What stands behind the directory. */
function endOf(count: number, bytes: number, offset: number): Buffer {
  const isLarge = count >= MAX_2 || bytes >= MAX_4 || offset >= MAX_4;
  const many = Math.min(count, MAX_2);
  const end = fields(
    ...([
      [4, 0x06054b50],
      [2, 0],
      [2, 0],
      [2, many],
      [2, many],
    ] as const),
    ...([
      [4, Math.min(bytes, MAX_4)],
      [4, Math.min(offset, MAX_4)],
      [2, 0],
    ] as const),
  );
  if (!isLarge) return end;
  const large = fields(
    ...([
      [4, 0x06064b50],
      [8, 44],
      [2, UNIX * 256 + VERSION_8],
      [2, VERSION_8],
      [4, 0],
      [4, 0],
    ] as const),
    ...([
      [8, count],
      [8, count],
      [8, bytes],
      [8, offset],
    ] as const),
  );
  const where = fields([4, 0x07064b50], [4, 0], [8, offset + bytes], [4, 1]);
  return Buffer.concat([large, where, end]);
}

const PAGE_BYTES = 64 * 1024;

/** Many small buffers as few large ones: each by itself would take ten times what is in it. */
class Pages {
  bytes = 0;
  private readonly full: Buffer[] = [];
  private page = Buffer.alloc(PAGE_BYTES);
  private used = 0;

  add(content: Buffer): void {
    this.bytes += content.length;
    for (let from = 0; from < content.length; ) {
      const copied = content.copy(this.page, this.used, from);
      from += copied;
      this.used += copied;
      if (this.used < PAGE_BYTES) continue;
      this.full.push(this.page);
      this.page = Buffer.alloc(PAGE_BYTES);
      this.used = 0;
    }
  }

  *pages(): Generator<Buffer> {
    yield* this.full;
    if (this.used > 0) yield this.page.subarray(0, this.used);
  }
}
