const SHA256 = /^[0-9a-f]{64}$/;

/**
 * Digests of blobs that nobody was found to refer to yet. There may be many, so each is kept as 32 characters of a
 * byte, some 100 bytes with its place in the set.
 */
export class Unreferenced {
  private readonly digests = new Set<string>();

  add(sha256: string): void {
    this.digests.add(packed(sha256));
  }

  /** Somebody refers to it. */
  found(sha256: string): void {
    this.digests.delete(packed(sha256));
  }

  /** Digests by the folder of their blobs, which is one byte. */
  byFolder(): Map<string, string[]> {
    const folders = new Map<string, string[]>();
    for (const digest of this.digests) {
      const sha256 = Buffer.from(digest, 'latin1').toString('hex');
      const folder = folders.get(sha256.slice(0, 2));
      if (folder) folder.push(sha256);
      else folders.set(sha256.slice(0, 2), [sha256]);
    }
    return folders;
  }
}

export const isSha256 = (text: string): boolean => SHA256.test(text);

const packed = (sha256: string): string => Buffer.from(sha256, 'hex').toString('latin1');
