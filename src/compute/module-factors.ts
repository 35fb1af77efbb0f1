import type { LoraModule } from '../adapter/adapter.ts';
import type { FloatDtype } from '../core/half.ts';

/** Where one factor lies in the source file. */
export interface FactorRange {
  readonly name: string;
  readonly dtype: FloatDtype;
  readonly beginByte: number;
  readonly endByte: number;
}

/** A module as a compute thread needs it: A is [rank, n], B is [m, rank], row-major. */
export interface ModuleFactors {
  readonly name: string;
  readonly a: FactorRange;
  readonly b: FactorRange;
  readonly rank: number;
  readonly m: number;
  readonly n: number;
}

export const factorsOf = (module: LoraModule): ModuleFactors => ({
  name: module.name,
  a: rangeOf(module.a),
  b: rangeOf(module.b),
  rank: module.rank,
  m: module.m,
  n: module.n,
});

const rangeOf = ({ name, dtype, beginByte, endByte }: FactorRange): FactorRange => ({
  name,
  dtype,
  beginByte,
  endByte,
});
