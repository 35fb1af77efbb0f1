import { decodeTensor, type SafetensorsFile } from '../../oracle/safetensors.ts';
import type { TensorSource } from '../pairs/build.ts';

/**
 * What diffusers (0.35) does with a file, in the order of its own code: loaders/lora_pipeline.py of FLUX
 * extracts the alphas, loaders/peft.py removes the component from names, utils/state_dict_utils.py renames,
 * utils/peft_utils.py creates a LoraConfig, in which PEFT looks up ranks and alphas. Shares no code with the
 * reader that it checks.
 */
export interface Loaded {
  readonly rank: number;
  readonly scale: number;
}

const RENAMED: readonly (readonly [string, string])[] = [
  ['.to_out_lora.up', '.to_out.0.lora_B'],
  ['.to_out_lora.down', '.to_out.0.lora_A'],
  ['.to_q_lora.down', '.to_q.lora_A'],
  ['.to_q_lora.up', '.to_q.lora_B'],
  ['.lora.up', '.lora_B'],
  ['.lora.down', '.lora_A'],
  ['.lora_linear_layer.up', '.lora_B'],
  ['.lora_linear_layer.down', '.lora_A'],
];

function renamed(key: string): string {
  const plain = key.replace('.processor.', '.');
  const rule = RENAMED.find(([from]) => plain.includes(from));
  return rule ? plain.replace(rule[0], rule[1]) : plain;
}

/** By the path of the module after the component. */
export function loadedByDiffusers(
  tensors: readonly TensorSource[],
  metadata: Readonly<Record<string, string>>,
  component: string,
): Map<string, Loaded> {
  const prefix = component === '' ? '' : `${component}.`;
  const own = tensors.filter(({ name }) => name.startsWith(prefix));
  const short = (name: string) => name.slice(prefix.length);
  const alphas = new Map(
    own
      .filter(({ name }) => name.includes('alpha'))
      .map((one) => {
        if (!/^(?:F|BF)/.test(one.dtype))
          throw new Error(`The alpha key (${one.name}) seems to be incorrect.`);
        return [short(one.name), decodeTensor({ ...one, bytes: one.bytes! })[0]!];
      }),
  );
  const ranks = new Map(
    own
      .map(({ name, shape }) => [renamed(short(name)), shape] as const)
      .filter(([name, shape]) => name.includes('lora_B') && shape.length > 1)
      .map(([name, shape]) => [name.split('.lora_B')[0]!, shape[1]!]),
  );
  const packed = metadata.lora_adapter_metadata;
  if (packed !== undefined && alphas.size > 0) {
    throw new Error('`network_alphas` and `metadata` cannot be specified both at the same time.');
  }
  const config = packed === undefined ? guessed(ranks, alphas) : unpacked(JSON.parse(packed), prefix);
  return new Map(
    [...ranks].map(([path, shapeRank]) => {
      const rank = pattern(config.rank_pattern, path) ?? config.r;
      if (rank !== shapeRank) throw new Error(`size mismatch for ${path}: ${rank} and ${shapeRank}`);
      const alpha = pattern(config.alpha_pattern, path) ?? config.lora_alpha;
      return [path, { rank, scale: alpha / (config.use_rslora ? Math.sqrt(rank) : rank) }];
    }),
  );
}

interface Config {
  readonly r: number;
  readonly lora_alpha: number;
  readonly rank_pattern: Readonly<Record<string, number>>;
  readonly alpha_pattern: Readonly<Record<string, number>>;
  readonly use_rslora?: boolean;
}

function unpacked(metadata: Record<string, never>, prefix: string): Config {
  const config = Object.fromEntries(
    Object.entries(metadata)
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, value]) => [key.slice(prefix.length), value]),
  ) as unknown as Config & { target_modules?: unknown };
  // _maybe_raise_error_for_ambiguous_keys reads both.
  if (!config.rank_pattern) throw new Error("KeyError: 'rank_pattern'");
  if (!config.target_modules) throw new Error("KeyError: 'target_modules'");
  return config;
}

function guessed(ranks: ReadonlyMap<string, number>, alphas: ReadonlyMap<string, number>): Config {
  const [first] = ranks.values();
  const r = mostCommon([...ranks.values()]);
  const rank_pattern = Object.fromEntries(
    [...ranks].filter(([, rank]) => rank !== r).map(([path, rank]) => [`^${path}`, rank]),
  );
  const lora_alpha = alphas.size > 0 ? mostCommon([...alphas.values()]) : first!;
  const alpha_pattern = Object.fromEntries(
    [...alphas]
      .filter(([, alpha]) => alpha !== lora_alpha)
      .map(([key, alpha]) => [key.replace('.alpha', ''), alpha]),
  );
  return { r, lora_alpha, rank_pattern, alpha_pattern };
}

function mostCommon(values: readonly number[]): number {
  const count = (value: number) => values.filter((other) => other === value).length;
  return values.reduce((best, value) => (count(value) > count(best) ? value : best));
}

function pattern(patterns: Readonly<Record<string, number>>, path: string): number | undefined {
  const key = Object.keys(patterns).find((each) => new RegExp(`^(.*\\.)?(${each})$`).test(path));
  return key === undefined ? undefined : patterns[key];
}

/** The tensors of a file on disk, as the loader reads them. */
export const madeOf = ({ tensors }: SafetensorsFile): TensorSource[] =>
  [...tensors].map(([name, one]) => ({ name, ...one }));
