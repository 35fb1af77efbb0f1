import { commonScale } from './common-scale.ts';
import type { Named, Source } from './source.ts';

const LAYER = /^(?:model\.layers|transformer\.h)\.(\d+)\.(.+)$/;

/**
 * A whole LoraConfig (peft/tuners/lora/config.py) for an adapter that came without one. r, lora_alpha and the patterns
 * are those of the source; the writer puts in those of the result.
 */
export function peftConfig(
  { placed, extras, isConv1d }: Source,
  named: readonly Named[],
  baseModel: string | null,
): Record<string, unknown> {
  const { rank, alpha } = commonScale(placed.map(({ module }) => module));
  const has = (kind: 'magnitude' | 'bias'): boolean => extras.some((extra) => extra.kind === kind);
  return {
    alpha_pattern: {},
    auto_mapping: null,
    base_model_name_or_path: baseModel,
    bias: 'none',
    fan_in_fan_out: isConv1d,
    inference_mode: true,
    init_lora_weights: true,
    layer_replication: null,
    layers_pattern: null,
    layers_to_transform: null,
    lora_alpha: alpha,
    // Older releases of PEFT do not know the field.
    ...(has('bias') ? { lora_bias: true } : {}),
    lora_dropout: 0,
    modules_to_save: null,
    peft_type: 'LORA',
    r: rank,
    rank_pattern: {},
    revision: null,
    target_modules: targetModules(named.map(({ name }) => name)),
    task_type: placed[0]?.place.component === 'language_model' ? 'CAUSAL_LM' : null,
    use_dora: has('magnitude'),
    use_rslora: false,
  };
}

/**
 * The last words of the paths where every layer up to the last has the same modules and no two end alike, as people
 * write them; else every path, so that PEFT adapts no module that the adapter has not.
 */
export function targetModules(paths: readonly string[]): string[] {
  const byLayer = new Map<number, string[]>();
  for (const path of paths) {
    const match = LAYER.exec(path);
    if (!match) return [...paths];
    const layer = Number(match[1]);
    byLayer.set(layer, [...(byLayer.get(layer) ?? []), match[2]!]);
  }
  const sets = [...byLayer.values()].map((tails) => [...tails].sort().join());
  const isEverywhere =
    new Set(sets).size === 1 && byLayer.has(0) && Math.max(...byLayer.keys()) === byLayer.size - 1;
  if (!isEverywhere) return [...paths];
  const tails = byLayer.get(0)!;
  const words = tails.map((tail) => tail.slice(tail.lastIndexOf('.') + 1));
  // c_proj of attention alone would catch that of the MLP: two words then.
  const isAmbiguous = words.some((word) => AMBIGUOUS.has(word));
  return [...new Set(isAmbiguous ? tails : words)].sort();
}

/** Names that a layer has more than once (GPT-2: attn.c_proj and mlp.c_proj; older Phi: dense). */
const AMBIGUOUS: ReadonlySet<string> = new Set(['c_proj', 'c_attn', 'c_fc', 'proj', 'dense', 'linear']);
