/** A file that holds a part of the tensors: as `model-00001-of-00003.safetensors` (huggingface_hub, `split_state_dict_into_shards`). */
export interface ShardName {
  /** What stands before the number, the same for all of a set. */
  readonly base: string;
  /** From 1. */
  readonly number: number;
  readonly count: number;
}

/** Most files of a set. An adapter of 5 GB, the size at which others begin to cut, would have two. */
export const MAX_SHARDS = 64;

// biome-ignore lint/suspicious/noControlCharactersInRegex: names that have them are refused
const SHARD = /^([^/\\\u0000-\u001f\u007f]{1,100})-(\d{5})-of-(\d{5})\.safetensors$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const INDEX = /^[^/\\\u0000-\u001f\u007f]{1,100}\.safetensors\.index\.json$/;

/** undefined for every other file. */
export function readShardName(name: string): ShardName | undefined {
  const [, base, number, count] = SHARD.exec(name) ?? [];
  return base === undefined ? undefined : { base, number: Number(number), count: Number(count) };
}

/** What a shard of a set is called. */
export const shardName = ({ base, number, count }: ShardName): string =>
  `${base}-${String(number).padStart(5, '0')}-of-${String(count).padStart(5, '0')}.safetensors`;

/** Whether a file says which shard has which tensor. */
export const isShardIndexName = (name: string): boolean => INDEX.test(name);

/** Whether a file is a part of weights that were cut into several, or their index. */
export const isShardFile = (name: string): boolean =>
  readShardName(name) !== undefined || isShardIndexName(name);
