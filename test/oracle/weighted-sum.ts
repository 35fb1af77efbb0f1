import { type Matrix, matrix, scaled, transpose } from './linear-algebra.ts';
import type { OracleAdapter, OracleModule } from './peft-adapter.ts';

/** Σ weight·ΔW of adapters, as concatenated factors in float64: the reference for a merge. */
export function weightedSum(
  terms: readonly { readonly adapter: OracleAdapter; readonly weight: number }[],
): OracleAdapter {
  const names = [...new Set(terms.flatMap(({ adapter }) => [...adapter.modules.keys()]))].sort();
  const modules = names.map((name): [string, OracleModule] => {
    const parts = terms.flatMap(({ adapter, weight }) => {
      const module = adapter.modules.get(name);
      return module ? [{ module, factor: weight * module.scale }] : [];
    });
    const b = beside(parts.map(({ module, factor }) => scaled(module.b, factor)));
    const a = transpose(beside(parts.map(({ module }) => transpose(module.a))));
    const [first] = parts;
    return [name, { ...first!.module, a, b, rank: a.rows, scale: 1 }];
  });
  return { config: {}, metadata: {}, modules: new Map(modules), passthrough: new Map() };
}

/** [X Y …] */
function beside(parts: readonly Matrix[]): Matrix {
  const [first] = parts;
  const columns = parts.reduce((sum, part) => sum + part.columns, 0);
  const result = matrix(first!.rows, columns);
  let left = 0;
  for (const part of parts) {
    for (let row = 0; row < part.rows; row++) {
      const from = part.data.subarray(row * part.columns, (row + 1) * part.columns);
      result.data.set(from, row * columns + left);
    }
    left += part.columns;
  }
  return result;
}
