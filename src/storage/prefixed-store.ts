import type { Readable } from 'node:stream';
import { checkedKey } from './blob-key.ts';
import type { BlobStore, ByteRange } from './blob-store.ts';

/**
 * A part of a store as a store of its own: every key lies under a prefix, so that nothing outside can be reached, but
 * for what is shared on purpose.
 */
export class PrefixedStore implements BlobStore {
  private readonly store: BlobStore;
  private readonly prefix: string;
  private readonly shared: readonly string[];

  /**
   * @param prefix ends in "/"
   * @param shared prefixes of keys that are the same ones for all, such as those of content under its digest
   */
  constructor(store: BlobStore, prefix: string, shared: readonly string[] = []) {
    this.store = store;
    this.prefix = prefix;
    this.shared = shared;
  }

  async putFile(key: string, localPath: string): Promise<void> {
    return this.store.putFile(this.keyOf(key), localPath);
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    return this.store.put(this.keyOf(key), bytes);
  }

  async create(key: string, bytes: Uint8Array): Promise<boolean> {
    return this.store.create(this.keyOf(key), bytes);
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.store.get(this.keyOf(key));
  }

  async stat(key: string): Promise<{ readonly bytes: number } | undefined> {
    return this.store.stat(this.keyOf(key));
  }

  async read(key: string, range?: ByteRange): Promise<Readable> {
    return this.store.read(this.keyOf(key), range);
  }

  async localFile(key: string, bytes: number): Promise<string> {
    return this.store.localFile(this.keyOf(key), bytes);
  }

  /**
   * Of shared keys only those under a shared prefix are listed, never both kinds at once.
   * @throws TypeError for a prefix that leads elsewhere, a mistake in the program as for keys
   */
  async list(prefix: string, { after, limit }: { after?: string; limit?: number } = {}): Promise<string[]> {
    if (prefix.startsWith('/') || prefix.split('/').includes('..'))
      throw new TypeError(`Leads out of its part of the store: ${JSON.stringify(prefix)}`);
    const from = this.baseOf(prefix);
    const keys = await this.store.list(from + prefix, {
      ...(after !== undefined && { after: from + after }),
      ...(limit !== undefined && { limit }),
    });
    return keys.map((key) => key.slice(from.length));
  }

  async remove(key: string): Promise<void> {
    return this.store.remove(this.keyOf(key));
  }

  makeScratch(): Promise<string> {
    return this.store.makeScratch();
  }

  check(): Promise<void> {
    return this.store.check();
  }

  checkReads(): Promise<void> {
    return this.store.checkReads();
  }

  private keyOf(key: string): string {
    return this.baseOf(key) + checkedKey(key);
  }

  private baseOf(key: string): string {
    return this.shared.some((prefix) => key.startsWith(prefix)) ? '' : this.prefix;
  }
}
