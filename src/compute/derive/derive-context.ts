import type { Derivation } from '../../adapter/staging-plan.ts';
import type { Kernels } from '../../engine/kernels.ts';
import type { FactorSink } from './factor-sink.ts';
import type { MatrixReader } from './matrix-reader.ts';

/** Makes plain factors, in float32, of one module of another kind, where the staged file has room for them. */
export interface DeriveTask {
  readonly kind: 'derive';
  readonly derivation: Derivation;
  readonly sourcePath: string;
  /** Of the staged file, which is there at its full size. */
  readonly path: string;
  /** First byte of each factor; null where the factor is not wanted. */
  readonly offsetA: number | null;
  readonly offsetB: number | null;
}

/** What a derivation needs at hand. */
export interface DeriveContext {
  readonly kernels: Kernels['derive'];
  readonly reader: MatrixReader;
  readonly sink: FactorSink;
}
