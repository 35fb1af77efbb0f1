/**
 * The name of a file that contains some of the tensors, such as `model-00001-of-00003.safetensors` (huggingface_hub,
 * `split_state_dict_into_shards`).
 */
export interface ShardName {
  /** The part before the number, the same for all files of a set. */
  readonly base: string;
  /** Counted from 1. */
  readonly number: number;
  readonly count: number;
}

/**
 * Largest number of files in a set. Hugging Face libraries split files at 5 GB, so an adapter of just over 5 GB has
 * only two.
 */
export const MAX_SHARDS = 64;

const SHARD = /^([^/\\\p{Cc}]{1,100})-(\d{5})-of-(\d{5})\.safetensors$/u;
const INDEX = /^[^/\\\p{Cc}]{1,100}\.safetensors\.index\.json$/u;

/** @returns undefined for the name of any other file */
export function readShardName(name: string): ShardName | undefined {
  const [, base, number, count] = SHARD.exec(name) ?? [];
  return base === undefined ? undefined : { base, number: Number(number), count: Number(count) };
}

/** The name of a file of a set. */
export const shardName = ({ base, number, count }: ShardName): string =>
  `${base}-${String(number).padStart(5, '0')}-of-${String(count).padStart(5, '0')}.safetensors`;

/** Whether a file with this name is the index that says which file contains which tensor. */
export const isShardIndexName = (name: string): boolean => INDEX.test(name);

/** Whether a file with this name is one part of weights that were split over several files, or their index. */
export const isShardFile = (name: string): boolean =>
  readShardName(name) !== undefined || isShardIndexName(name);
