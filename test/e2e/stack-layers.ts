import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CONFIG, type OracleModule, readPeftAdapter, WEIGHTS } from '../oracle/peft-adapter.ts';
import { buildSafetensors, type Tensor } from '../oracle/safetensors.ts';
import { readAdapterFiles } from './client.ts';

/**
 * A high-rank adapter made of trained weights: the same module of all layers side by side (all A stacked
 * vertically, all B horizontally), as the update of layer 0. Its rank is the sum of the ranks of all layers,
 * and its spectrum as uneven as training left it. Float32 sources only.
 */
export function stackLayers(sourceDir: string, intoDir: string): { name: string; dir: string } {
  const source = readPeftAdapter(sourceDir);
  const tensors: Record<string, Tensor> = {};
  const families = new Map<string, OracleModule[]>();
  for (const [name, module] of source.modules) {
    const first = name.replace(/\.\d+\./, '.0.');
    families.set(first, [...(families.get(first) ?? []), module]);
  }
  let rank = 0;
  for (const [first, factors] of families) {
    const [nameA, nameB] = source.modules.get(first)!.tensorNames;
    const columns = factors[0]!.a.columns;
    const rows = factors[0]!.b.rows;
    rank = factors.reduce((sum, module) => sum + module.rank, 0);
    const a = new Float32Array(rank * columns);
    const b = new Float32Array(rows * rank);
    let at = 0;
    for (const module of factors) {
      a.set(module.a.data, at * columns);
      for (let i = 0; i < rows; i++) {
        const row = module.b.data.subarray(i * module.rank, (i + 1) * module.rank);
        b.set(row, i * rank + at);
      }
      at += module.rank;
    }
    tensors[nameA] = { dtype: 'F32', shape: [rank, columns], bytes: new Uint8Array(a.buffer) };
    tensors[nameB] = { dtype: 'F32', shape: [rows, rank], bytes: new Uint8Array(b.buffer) };
  }
  const config = JSON.parse(Buffer.from(readAdapterFiles(sourceDir).config).toString());
  mkdirSync(intoDir, { recursive: true });
  writeFileSync(join(intoDir, WEIGHTS), buildSafetensors(tensors, { format: 'pt' }));
  writeFileSync(join(intoDir, CONFIG), JSON.stringify({ ...config, r: rank, lora_alpha: 2 * rank }));
  return { name: `stacked layers of rank ${rank}`, dir: intoDir };
}
