import { buildSafetensors, float32Tensor } from '../oracle/safetensors.ts';
import { formOf, type TinyAdapter } from './tiny-adapter.ts';

export const OPTIMIZER = 'optimizer.safetensors';

export interface CheckpointParts {
  readonly step?: number | string;
  readonly rewind?: boolean | string;
  readonly optimizer?: Buffer;
  readonly loss?: number | string;
}

/** A form with an adapter and the other fields of a checkpoint. */
export function checkpointForm(
  adapter: TinyAdapter,
  { step, rewind, optimizer, loss }: CheckpointParts,
): FormData {
  const form = formOf(adapter);
  if (step !== undefined) form.append('step', String(step));
  if (rewind !== undefined) form.append('rewind', String(rewind));
  if (loss !== undefined) form.append('loss', String(loss));
  if (optimizer) form.append(OPTIMIZER, new Blob([new Uint8Array(optimizer)]), OPTIMIZER);
  return form;
}

/** First and second moments of a tiny adapter's factors; `names` of the moments. */
export function momentsOf(
  { rank = 8, m = 24, n = 16 } = {},
  names: readonly string[] = ['exp_avg', 'exp_avg_sq'],
): Buffer {
  const factors = ['q_proj', 'v_proj'].flatMap((module) => {
    const path = `base_model.model.layers.0.self_attn.${module}`;
    return [[`${path}.lora_A.weight`, [rank, n]] as const, [`${path}.lora_B.weight`, [m, rank]] as const];
  });
  const tensors = factors.flatMap(([factor, shape]) =>
    names.map((name) => {
      const values = Array.from({ length: shape[0] * shape[1] }, (_, index) => 0.01 * (1 + (index % 7)));
      return [`${factor}.${name}`, float32Tensor([...shape], values)] as const;
    }),
  );
  return Buffer.from(buildSafetensors(Object.fromEntries(tensors)));
}
