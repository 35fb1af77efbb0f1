import type { Readable } from 'node:stream';
import type { BlobStore, ByteRange } from './blob-store.ts';

/** Each is asked before every use and throws where there must be none. */
export interface StoreGuard {
  readonly mayRead: () => Promise<void>;
  readonly mayWrite: () => Promise<void>;
}

/** A store of which nothing is used that its guard does not allow. */
export class GuardedStore implements BlobStore {
  private readonly store: BlobStore;
  private readonly guard: StoreGuard;

  constructor(store: BlobStore, guard: StoreGuard) {
    this.store = store;
    this.guard = guard;
  }

  async putFile(key: string, localPath: string): Promise<void> {
    await this.guard.mayWrite();
    return this.store.putFile(key, localPath);
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    await this.guard.mayWrite();
    return this.store.put(key, bytes);
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    await this.guard.mayRead();
    return this.store.get(key);
  }

  async stat(key: string): Promise<{ readonly bytes: number } | undefined> {
    await this.guard.mayRead();
    return this.store.stat(key);
  }

  async read(key: string, range?: ByteRange): Promise<Readable> {
    await this.guard.mayRead();
    return this.store.read(key, range);
  }

  async localFile(key: string, bytes: number): Promise<string> {
    await this.guard.mayRead();
    return this.store.localFile(key, bytes);
  }

  async list(prefix: string, options?: { after?: string; limit?: number }): Promise<string[]> {
    await this.guard.mayRead();
    return this.store.list(prefix, options);
  }

  async remove(key: string): Promise<void> {
    await this.guard.mayWrite();
    return this.store.remove(key);
  }

  async makeScratch(): Promise<string> {
    await this.guard.mayWrite();
    return this.store.makeScratch();
  }

  async check(): Promise<void> {
    await this.guard.mayWrite();
    return this.store.check();
  }

  async checkReads(): Promise<void> {
    await this.guard.mayRead();
    return this.store.checkReads();
  }
}
