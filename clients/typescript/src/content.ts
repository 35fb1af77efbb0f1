import { nodeModule } from './node.ts';

/** Bytes to send; in Node also the path of a file. A stream can be read only once. */
export type Content = Blob | Uint8Array | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> | string;

/** How many bytes are sent in one request and kept in memory. */
export const PIECE_BYTES = 8 * 1024 * 1024;

/** Content that can be divided into pieces. */
export interface OpenContent {
  /** undefined: not known before the end. */
  readonly size: number | undefined;
  /** Pieces of PIECE_BYTES, the last one possibly smaller, starting at an offset. */
  pieces(from: number): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** @throws errors of the file system; TypeError for a path outside Node */
export async function openContent(content: Content): Promise<OpenContent> {
  const close = async (): Promise<void> => {};
  if (typeof content === 'string') return openFile(content);
  if (content instanceof Blob) {
    const read = async (from: number) =>
      new Uint8Array(await content.slice(from, from + PIECE_BYTES).arrayBuffer());
    return { size: content.size, pieces: (from) => slices(content.size, from, read), close };
  }
  if (content instanceof Uint8Array) {
    const read = async (from: number) => content.subarray(from, from + PIECE_BYTES);
    return { size: content.length, pieces: (from) => slices(content.length, from, read), close };
  }
  const chunks = Symbol.asyncIterator in content ? content : chunksOf(content);
  return { size: undefined, pieces: (from) => collectPieces(chunks, from), close };
}

async function openFile(path: string): Promise<OpenContent> {
  const file = await nodeModule('node:fs/promises').open(path);
  try {
    const { size } = await file.stat();
    const read = async (from: number) => {
      const buffer = new Uint8Array(Math.min(PIECE_BYTES, size - from));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, from);
      return buffer.subarray(0, bytesRead);
    };
    return { size, pieces: (from) => slices(size, from, read), close: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function* slices(
  size: number,
  from: number,
  read: (from: number) => Promise<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for (let at = from; at < size; ) {
    const piece = await read(at);
    if (piece.length === 0) throw new RangeError(`The content has ended after ${at} of ${size} bytes.`);
    yield piece;
    at += piece.length;
  }
}

/** Regroups chunks of any size into pieces and skips what is before an offset. */
async function* collectPieces(chunks: AsyncIterable<Uint8Array>, from: number): AsyncGenerator<Uint8Array> {
  let piece = new Uint8Array(PIECE_BYTES);
  let filled = 0;
  let skip = from;
  for await (const chunk of chunks) {
    let rest = chunk.subarray(Math.min(skip, chunk.length));
    skip -= chunk.length - rest.length;
    while (rest.length > 0) {
      const taken = rest.subarray(0, PIECE_BYTES - filled);
      piece.set(taken, filled);
      filled += taken.length;
      rest = rest.subarray(taken.length);
      if (filled < PIECE_BYTES) continue;
      yield piece;
      piece = new Uint8Array(PIECE_BYTES);
      filled = 0;
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}

/** Iterates over a stream with a reader, because not all browsers can iterate over their streams. */
export async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** Reads the whole content; only for small ones. */
export async function bytesOf(content: Content): Promise<Uint8Array> {
  const open = await openContent(content);
  try {
    const pieces: Uint8Array[] = [];
    for await (const piece of open.pieces(0)) pieces.push(piece);
    return new Uint8Array(await new Blob(partsOf(...pieces)).arrayBuffer());
  } finally {
    await open.close();
  }
}

/** Bytes in the type that Blob accepts. Those of files and streams are never shared between threads. */
export const partsOf = (...pieces: readonly Uint8Array[]) =>
  pieces as unknown as NonNullable<ConstructorParameters<typeof Blob>[0]>;
