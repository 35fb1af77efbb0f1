import type { Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { chooseWeights } from '../adapter/choose-weights.ts';
import { CONFIG_FILE, isPickleName, isWeightsName, USUAL_WEIGHTS } from '../adapter/file-names.ts';
import { pickleRefused } from '../adapter/pickle-refused.ts';
import { AppError } from '../errors/app-error.ts';

const CHUNK_BYTES = 1024 * 1024;

/** The files of an adapter on this machine. */
export interface SourcePaths {
  readonly weights: string;
  /** null: there is none, which some formats do not need. */
  readonly config: string | null;
}

/**
 * An adapter where it lies: a folder, or a file of weights. A file under a name that training libraries give it, with a
 * configuration beside it, is taken as its folder would be; another file stands for itself.
 * @throws AppError FILE_MISSING naming the folder, or the file that it lacks; PICKLE_REFUSED
 */
export async function sourcePaths(source: string): Promise<SourcePaths> {
  const found = await stat(source).catch(() => undefined);
  if (found?.isDirectory()) return inFolder(source);
  const name = basename(source);
  if (!found?.isFile()) {
    const what = isWeightsName(name) || isPickleName(name) ? 'file' : 'folder';
    throw new AppError('FILE_MISSING', `There is no ${what} ${source}.`, { folder: source });
  }
  if (isPickleName(name)) throw pickleRefused(name);
  if (!isWeightsName(name)) {
    throw new AppError(
      'FILE_MISSING',
      `${source} is neither a folder nor a file of weights (.safetensors, .gguf).`,
      { folder: source },
    );
  }
  const folder = dirname(source);
  const hasConfig = USUAL_WEIGHTS.includes(name) && (await isFile(join(folder, CONFIG_FILE)));
  return { weights: source, config: hasConfig ? join(folder, CONFIG_FILE) : null };
}

async function inFolder(folder: string): Promise<SourcePaths> {
  const names: string[] = [];
  for (const name of await readdir(folder)) {
    const mayBe = name === CONFIG_FILE || isWeightsName(name) || isPickleName(name);
    if (mayBe && (await isFile(join(folder, name)))) names.push(name);
  }
  const { weights, config } = chooseWeights(names, folder);
  return { weights: join(folder, weights), config: config === null ? null : join(folder, config) };
}

/** What an adapter is called: its folder, or its file without what it ends in. */
export function sourceName(source: string): string {
  const name = basename(resolve(source));
  return isWeightsName(name) ? name.slice(0, -extname(name).length) : name;
}

const isFile = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined))?.isFile() ?? false;

/**
 * The bytes of a file, each chunk hashed as it passes.
 * @throws errors of the file system; AbortError when the signal fires
 */
export async function* fileChunks(path: string, hash: Hash, signal: AbortSignal): AsyncGenerator<Buffer> {
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES, signal })) {
    hash.update(chunk as Buffer);
    yield chunk as Buffer;
  }
}
