import { matrix, transpose } from '../../oracle/linear-algebra.ts';
import type { OracleAdapter, OracleModule } from '../../oracle/peft-adapter.ts';
import { decodeTensor, parseSafetensors, type Tensor, tensorMatrix } from '../../oracle/safetensors.ts';

/**
 * Reads a folder of MLX as mlx-lm applies it (mlx_lm/tuner/lora.py, `fuse`): ΔW = scale·(lora_bᵀ·lora_aᵀ),
 * for experts scale·(lora_b[e]·lora_a[e]). Modules of experts are named "path#e".
 */
export function parseMlxAdapter(weights: Uint8Array, configText: string): OracleAdapter {
  const config = JSON.parse(configText) as Record<string, unknown>;
  const { scale } = config.lora_parameters as { scale: number };
  // MLX may write null.
  const { metadata, tensors } = parseSafetensors(weights);
  const passthrough = new Map(tensors);
  const modules = new Map<string, OracleModule>();
  for (const name of [...tensors.keys()].sort()) {
    const path = /^(.+)\.lora_a$/.exec(name)?.[1];
    if (path === undefined) continue;
    const nameB = `${path}.lora_b`;
    const [a, b] = [tensors.get(name)!, tensors.get(nameB)!];
    passthrough.delete(name);
    passthrough.delete(nameB);
    const common = { scale, dtype: a.dtype, tensorNames: [name, nameB] as const };
    if (b.shape.length === 2) {
      const factors = { a: transpose(tensorMatrix(a)), b: transpose(tensorMatrix(b)) };
      modules.set(path, { ...common, ...factors, rank: factors.a.rows });
      continue;
    }
    const [count, out, rank] = b.shape as [number, number, number];
    for (let e = 0; e < count; e++)
      modules.set(`${path}#${e}`, {
        ...common,
        a: part(a, e, count, rank),
        b: part(b, e, count, out),
        rank,
      });
  }
  return {
    config,
    metadata: metadata ?? {},
    modules: new Map([...modules].sort(([x], [y]) => (x < y ? -1 : 1))),
    passthrough,
  };
}

/** Matrix e of a stack, with this many rows. */
function part(tensor: Tensor, e: number, count: number, rows: number) {
  const numbers = decodeTensor(tensor);
  const size = numbers.length / count;
  return matrix(rows, size / rows, numbers.subarray(e * size, (e + 1) * size));
}
