/**
 * What PEFT reads from an adapter_config.json, implemented a second time and independently of src/, directly
 * from peft/tuners/lora/model.py and layer.py (`_create_and_replace`, `update_layer`, `get_pattern_key`). For
 * trusted configurations only: it uses the back-tracking RegExp.
 */
export interface ConfigFile {
  readonly r: number;
  readonly lora_alpha: number;
  readonly use_rslora?: boolean;
  readonly rank_pattern?: Readonly<Record<string, number>> | null;
  readonly alpha_pattern?: Readonly<Record<string, number>> | null;
  readonly [field: string]: unknown;
}

/** Objects put keys like "10" first; a prefix keeps the order of the file, which matters. */
const MARK = '\u0001';

export function parseOracleConfig(text: string): ConfigFile {
  return JSON.parse(text.replace(/"(\d+)":/g, '"\\u0001$1":')) as ConfigFile;
}

function fromPattern(pattern: ConfigFile['rank_pattern'], module: string, otherwise: number): number {
  const keys = Object.keys(pattern ?? {});
  const key = keys.find((candidate) => new RegExp(`^(.*\\.)?(${candidate.replace(MARK, '')})$`).test(module));
  return key === undefined ? otherwise : pattern![key]!;
}

/** The rank that PEFT gives a module, and the factor by which it multiplies B·A. */
export function peftModule(config: ConfigFile, module: string): { rank: number; scale: number } {
  const rank = fromPattern(config.rank_pattern, module, config.r);
  const alpha = fromPattern(config.alpha_pattern, module, config.lora_alpha);
  return { rank, scale: config.use_rslora ? alpha / Math.sqrt(rank) : alpha / rank };
}
