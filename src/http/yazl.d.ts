/** The part of yazl 3 (which ships no types) that zip-archive.ts uses. */
declare module 'yazl' {
  import type { EventEmitter } from 'node:events';

  export interface EntryOptions {
    mtime?: Date;
    mode?: number;
    compress?: boolean;
    forceDosTimestamp?: boolean;
    size?: number;
  }
  export class ZipFile extends EventEmitter {
    readonly outputStream: NodeJS.ReadableStream;
    addReadStreamLazy(
      path: string,
      options: EntryOptions,
      open: (done: (error: Error | null, stream?: NodeJS.ReadableStream) => void) => void,
    ): void;
    end(onTotalBytes?: (bytes: number) => void): void;
  }
}
