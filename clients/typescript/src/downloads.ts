import { chunksOf } from './content.ts';
import { hexOf, sha256 } from './digest.ts';
import { LoraSqueezeError } from './errors.ts';
import { nodeModule } from './node.ts';
import type { Transport } from './transport.ts';
import type { CallOptions } from './types.ts';

/** A file that the service offers for download. */
export interface ServiceFile {
  readonly path: string;
  /** May contain folders, separated by slashes. */
  readonly name: string;
  /** In hexadecimal. If absent, the digest in the response (Repr-Digest) is used. */
  readonly sha256?: string | undefined;
  readonly bytes?: number | undefined;
  /** Used if neither digest nor length is known: whether these last bytes (at least 32) are the end of the file. */
  readonly isWhole?: ((last: Uint8Array) => boolean) | undefined;
}

const LAST_BYTES = 32;

export interface DownloadOptions extends CallOptions {
  /** @param total bytes of all files; 0 if unknown */
  readonly onProgress?: ((received: number, total: number) => void) | undefined;
}

/** @throws LoraSqueezeError DIGEST_MISMATCH */
export function downloadBlob(
  transport: Transport,
  { path, name, sha256: expected }: ServiceFile,
  options: CallOptions,
): Promise<Blob> {
  return transport.call({ ...options, method: 'GET', path }, async (response) => {
    const blob = await response.blob();
    const digest = await sha256(new Uint8Array(await blob.arrayBuffer()));
    if (digest) check(name, hexOf(digest), expected ?? reprDigest(response));
    return blob;
  });
}

/**
 * Streams files into a folder, each under a hidden name until it is complete and correct.
 * @returns their paths
 * @throws LoraSqueezeError DIGEST_MISMATCH, NOT_THE_SERVICE for a name that leads out of the folder; errors of the
 * file system
 */
export async function saveFiles(
  transport: Transport,
  files: readonly ServiceFile[],
  folder: string,
  { onProgress, ...options }: DownloadOptions,
): Promise<string[]> {
  const { mkdir } = nodeModule('node:fs/promises');
  const { join } = nodeModule('node:path');
  const total = files.reduce((sum, { bytes = 0 }) => sum + bytes, 0);
  await mkdir(folder, { recursive: true });
  const paths: string[] = [];
  let before = 0;
  for (const file of files) {
    // The service chooses the names, so they must be checked: none may lead out of the folder.
    if (!file.name.split('/').every(isPlainName)) {
      const detail = `The service has a file ${JSON.stringify(file.name)}.`;
      throw new LoraSqueezeError({ code: 'NOT_THE_SERVICE', detail, retryable: false });
    }
    const path = join(folder, file.name);
    const start = before;
    const onBytes = (done: number): void => onProgress?.(start + done, total);
    before += await saveFile(transport, file, path, { ...options, onBytes });
    paths.push(path);
  }
  return paths;
}

const isPlainName = (part: string): boolean => part !== '' && !part.startsWith('.') && !/[\\:\0]/.test(part);

/**
 * Streams a file to a path, whose folder is created; the file appears when it is complete and correct.
 * @returns its size in bytes
 * @throws LoraSqueezeError DIGEST_MISMATCH; errors of the file system
 */
export async function saveFile(
  transport: Transport,
  { path, name, sha256: expected, isWhole = () => true }: ServiceFile,
  to: string,
  { onBytes, ...options }: CallOptions & { readonly onBytes?: (done: number) => void },
): Promise<number> {
  const { mkdir, open, rename, rm } = nodeModule('node:fs/promises');
  const { basename, dirname, join } = nodeModule('node:path');
  await mkdir(dirname(to), { recursive: true });
  const partial = join(dirname(to), `.${basename(to)}.part`);
  try {
    // An interrupted download starts over.
    const bytes = await transport.call({ ...options, method: 'GET', path }, async (response) => {
      const hash = nodeModule('node:crypto').createHash('sha256');
      const file = await open(partial, 'w');
      try {
        let done = 0;
        let last: Uint8Array = new Uint8Array();
        for await (const chunk of chunksOf(response.body ?? new Blob([]).stream())) {
          hash.update(chunk);
          await file.writeFile(chunk);
          done += chunk.length;
          last = chunk.length < LAST_BYTES ? joined(last.slice(-LAST_BYTES), chunk) : chunk;
          onBytes?.(done);
        }
        check(name, hash.digest('hex'), expected ?? reprDigest(response));
        if (!isWhole(last)) throw brokenOff(name);
        await file.sync();
        return done;
      } finally {
        await file.close();
      }
    });
    await rename(partial, to);
    return bytes;
  } finally {
    await rm(partial, { force: true });
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** fetch reports some interrupted responses as complete. */
const brokenOff = (name: string): LoraSqueezeError =>
  new LoraSqueezeError({ code: 'SERVICE_UNREACHABLE', detail: `${name} broke off.`, retryable: true });

/** SHA-256 from a header of the response, in hexadecimal. */
function reprDigest(response: Response): string | undefined {
  const digestInHeader = /sha-256=:([^:]*):/.exec(response.headers.get('repr-digest') ?? '')?.[1];
  return digestInHeader === undefined
    ? undefined
    : hexOf(Uint8Array.from(atob(digestInHeader), (each) => each.charCodeAt(0)));
}

function check(name: string, digest: string, expected: string | undefined): void {
  if (expected === undefined || digest === expected) return;
  throw new LoraSqueezeError({
    code: 'DIGEST_MISMATCH',
    detail: `What came of ${name} is not what the service has.`,
    retryable: true,
    context: { file: name, expected_sha256: expected, sha256: digest },
  });
}
