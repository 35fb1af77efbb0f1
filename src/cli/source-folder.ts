import type { Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { type ChosenFiles, chooseWeights, chosenWeights } from '../adapter/choose-weights.ts';
import {
  CARD_FILE,
  CONFIG_FILE,
  isPickleName,
  isWeightsName,
  USUAL_WEIGHTS,
  WEIGHTS_FILE,
} from '../adapter/file-names.ts';
import { pickleRefused } from '../adapter/pickle-refused.ts';
import { isShardFile, isShardIndexName, readShardName } from '../adapter/shard-names.ts';
import { AppError } from '../errors/app-error.ts';
import { joinShards } from '../formats/shards/join-shards.ts';
import type { Shards } from '../formats/shards/read-shards.ts';
import { MAX_INDEX_BYTES } from '../formats/shards/shard-index.ts';

const CHUNK_BYTES = 1024 * 1024;
/** What an adapter may have besides its weights. */
const BESIDE_WEIGHTS: readonly string[] = [CONFIG_FILE, CARD_FILE];

/** The files of an adapter on this machine. */
export interface SourcePaths {
  /** One file, or the shards that the weights were split into. */
  readonly weights: string | Shards;
  /** null if there is none; some formats need none. */
  readonly config: string | null;
  /** Its model card; null: there is none. */
  readonly card: string | null;
}

/**
 * Finds the files of an adapter in a folder, or at a file of weights. A file with a name that training libraries use, and a
 * configuration beside it, is treated like its folder; so is a file that has only a part of the weights
 * (`…-00001-of-0000N.safetensors`). Any other file is the whole adapter. In a training folder without
 * weights of its own, the adapter is the last checkpoint.
 * @throws AppError FILE_MISSING naming the folder, or the file that it lacks; PICKLE_REFUSED, SHARDS_MISMATCH
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
      `${source} is neither a folder nor a weights file (.safetensors, .gguf).`,
      { folder: source },
    );
  }
  const folder = dirname(source);
  if (readShardName(name)) return chosenPaths(folder, chosenWeights(await namesIn(folder), name));
  const beside = async (other: string) =>
    USUAL_WEIGHTS.includes(name) && (await hasFile(folder, other)) ? join(folder, other) : null;
  return { weights: source, config: await beside(CONFIG_FILE), card: await beside(CARD_FILE) };
}

async function inFolder(folder: string): Promise<SourcePaths> {
  const names = await namesIn(folder);
  const checkpoint = names.some(isWeightsName) ? undefined : lastCheckpoint(await readdir(folder));
  if (checkpoint !== undefined) return inFolder(join(folder, checkpoint));
  return chosenPaths(folder, chooseWeights(names, folder));
}

/** The files of a folder that may be parts of an adapter. */
async function namesIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  for (const name of await readdir(folder)) {
    const mayBe =
      BESIDE_WEIGHTS.includes(name) || isWeightsName(name) || isPickleName(name) || isShardIndexName(name);
    if (mayBe && (await hasFile(folder, name))) names.push(name);
  }
  return names;
}

async function chosenPaths(folder: string, { weights, config, card }: ChosenFiles): Promise<SourcePaths> {
  const path = (name: string): string => join(folder, name);
  const pathOf = (name: string | null): string | null => (name === null ? null : path(name));
  const beside = { config: pathOf(config), card: pathOf(card) };
  if (!weights.some(isShardFile)) return { weights: path(weights[0]!), ...beside };
  const index = weights.find(isShardIndexName);
  return {
    weights: {
      files: weights.filter(readShardName).map((name) => ({ name, path: path(name) })),
      index: index === undefined ? null : { name: index, bytes: await readIndex(path(index)) },
    },
    ...beside,
  };
}

/** Folders in which trainers save checkpoints: checkpoint-500 (transformers, and the examples of diffusers and PEFT). */
const CHECKPOINT = /^checkpoint-(\d{1,15})$/;

function lastCheckpoint(names: readonly string[]): string | undefined {
  const stepOf = (name: string): number => Number(CHECKPOINT.exec(name)![1]);
  return names.filter((name) => CHECKPOINT.test(name)).sort((x, y) => stepOf(y) - stepOf(x))[0];
}

/** @throws AppError SHARDS_MISMATCH */
async function readIndex(path: string): Promise<Uint8Array> {
  const { size } = await stat(path);
  if (size <= MAX_INDEX_BYTES) return readFile(path);
  throw new AppError('SHARDS_MISMATCH', `${path} has ${size} bytes; the limit is ${MAX_INDEX_BYTES} bytes.`, {
    bytes: size,
    limit_bytes: MAX_INDEX_BYTES,
  });
}

/**
 * The weights as one file: shards are joined.
 * @param dir folder for the joined file; the caller removes it
 * @throws AppError FILE_MISSING, SHARDS_MISMATCH, ST_*
 */
export async function wholeWeights({ weights }: Pick<SourcePaths, 'weights'>, dir: string): Promise<string> {
  if (typeof weights === 'string') return weights;
  const path = join(await mkdtemp(join(dir, 'joined-')), WEIGHTS_FILE);
  await joinShards(weights, path);
  return path;
}

/** The name of an adapter: its folder, or its file without the extension. */
export function sourceName(source: string): string {
  const name = basename(resolve(source));
  return isWeightsName(name) ? name.slice(0, -extname(name).length) : name;
}

async function hasFile(folder: string, name: string): Promise<boolean> {
  const found = await stat(join(folder, name)).catch(() => undefined);
  return found?.isFile() === true;
}

/** The first bytes of a file, as text. @throws errors of the file system */
export async function beginningOf(path: string, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of createReadStream(path, { end: maxBytes - 1 })) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * The first bytes of a file; each chunk is hashed before it is yielded.
 * @throws errors of the file system; AbortError if the signal is aborted
 */
export async function* fileChunks(
  path: string,
  bytes: number,
  hash: Hash,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  if (bytes === 0) return;
  for await (const chunk of createReadStream(path, { end: bytes - 1, highWaterMark: CHUNK_BYTES, signal })) {
    hash.update(chunk as Buffer);
    yield chunk as Buffer;
  }
}
