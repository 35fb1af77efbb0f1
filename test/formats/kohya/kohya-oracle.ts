import type { OracleAdapter, OracleModule } from '../../oracle/peft-adapter.ts';
import { decodeTensor, parseSafetensors, tensorMatrix } from '../../oracle/safetensors.ts';

const DOWN = /^(.+)\.lora_down\.weight$/;

/**
 * Reads pairs as sd-scripts loads them (networks/lora.py, `create_network_from_weights`): alpha, or the rank
 * without one.
 */
export function parseKohyaAdapter(weights: Uint8Array): OracleAdapter {
  const { metadata, tensors } = parseSafetensors(weights);
  const passthrough = new Map(tensors);
  const modules = new Map<string, OracleModule>();
  for (const name of [...tensors.keys()].sort()) {
    const path = DOWN.exec(name)?.[1];
    if (path === undefined) continue;
    const nameB = `${path}.lora_up.weight`;
    const down = tensors.get(name)!;
    const up = tensors.get(nameB);
    if (!up) throw new Error(`${name} has no ${nameB}`);
    const [a, b] = [tensorMatrix(down), tensorMatrix(up)];
    const alpha = tensors.get(`${path}.alpha`);
    const scale = (alpha ? decodeTensor(alpha)[0]! : a.rows) / a.rows;
    modules.set(path, { a, b, rank: a.rows, scale, dtype: down.dtype, tensorNames: [name, nameB] });
    for (const each of [name, nameB, `${path}.alpha`]) passthrough.delete(each);
  }
  return { config: {}, metadata, modules, passthrough };
}
