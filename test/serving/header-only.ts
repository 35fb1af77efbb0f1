import type { Adapter } from '../../src/adapter/adapter.ts';
import { CONFIG_FILE, WEIGHTS_FILE } from '../../src/adapter/file-names.ts';
import type { Target } from '../../src/contract/target.ts';
import { readPeft } from '../../src/formats/peft/read-peft.ts';
import { planPeftOutput } from '../../src/formats/peft/write-peft.ts';
import { parseHeader } from '../../src/safetensors/header.ts';
import { layOut, type TensorSpec } from '../../src/safetensors/layout.ts';
import type { AppliedTarget } from '../../src/serving/apply-profile.ts';
import { applyProfile } from '../../src/serving/apply-profile.ts';
import type { AdapterFacts } from '../../src/serving/rules/rule.ts';
import { chooseScaleMode, planModules } from '../../src/squeeze/output.ts';
import { selectRanks } from '../../src/squeeze/select-ranks.ts';

export interface Module {
  readonly name: string;
  readonly rank: number;
  readonly dtype?: string;
  /** Set if its factors are not named as in PEFT. */
  readonly tensors?: readonly [a: TensorSpec, b: TensorSpec];
}

export interface Parts {
  readonly modules: readonly Module[];
  readonly config?: Readonly<Record<string, unknown>>;
  readonly extra?: readonly TensorSpec[];
}

/** Layers of a small language model, all of one rank. */
export const layers = (rank: number, count = 2, types = ['q_proj', 'v_proj']): Module[] =>
  Array.from({ length: count }, (_, layer) =>
    types.map((type) => ({ name: `model.layers.${layer}.self_attn.${type}`, rank })),
  ).flat();

/** An adapter as it is read from its files. Only the header is created, so that sizes cost nothing. */
export function adapterOf({ modules, config = {}, extra = [] }: Parts): AdapterFacts {
  const r = Math.max(...modules.map(({ rank }) => rank));
  const tensors = modules.flatMap(({ name, rank, dtype = 'BF16', tensors: own }) => [
    ...(own ?? [
      { name: `base_model.model.${name}.lora_A.weight`, dtype, shape: [rank, 600] },
      { name: `base_model.model.${name}.lora_B.weight`, dtype, shape: [600, rank] },
    ]),
  ]);
  const configBytes = Buffer.from(
    JSON.stringify({
      peft_type: 'LORA',
      r,
      lora_alpha: 2 * r,
      target_modules: ['q_proj', 'v_proj'],
      bias: 'none',
      ...config,
    }),
  );
  return factsOf([...tensors, ...extra], configBytes);
}

function factsOf(tensors: readonly TensorSpec[], configBytes: Uint8Array): AdapterFacts {
  const { headerBytes, totalBytes } = layOut(tensors, new Map());
  return {
    adapter: readPeft(parseHeader(headerBytes.subarray(8), totalBytes), configBytes).adapter,
    files: [
      { name: WEIGHTS_FILE, bytes: totalBytes },
      { name: CONFIG_FILE, bytes: configBytes.length },
    ],
  };
}

/** The adapter that the writer makes for a target that needs no spectrum, read again. */
export function written(adapter: Adapter, target: Target): { facts: AdapterFacts; applied: AppliedTarget } {
  const applied = applyProfile(target);
  const { ranks } = selectRanks(applied.target, applied.limits, adapter.modules, []);
  const plans = planModules(adapter, applied.target, ranks);
  const plan = planPeftOutput(adapter, plans, {
    scale: chooseScaleMode(applied.target, 'peft', plans),
    provenance: new Map(),
  });
  return { facts: factsOf(plan.tensors, plan.files.get(CONFIG_FILE)!), applied };
}
