import type { TensorEntry } from '../../adapter/adapter.ts';
import { AppError } from '../../errors/app-error.ts';
import type { ErrorCode } from '../../errors/error-kinds.ts';
import { quote } from '../../json/quote.ts';

/**
 * What a LoRA or LyCORIS tensor is to its module; the names of LyCORIS's own (lycoris/modules, `weight_list`), and AdaLoRA's
 * A, B and E.
 */
export type Part =
  | 'down'
  | 'up'
  | 'mid'
  | 'w1_a'
  | 'w1_b'
  | 'w2_a'
  | 'w2_b'
  | 't1'
  | 't2'
  | 'w1'
  | 'w2'
  | 'diff'
  | 'A'
  | 'B'
  | 'E';

/** The ways in which a module's update is written down. */
export type Algorithm = 'lora' | 'loha' | 'lokr' | 'full' | 'adalora';

/** The tensors of one module's update. */
export interface Site {
  readonly module: string;
  readonly algorithm: Algorithm;
  readonly parts: ReadonlyMap<Part, TensorEntry>;
  /** null: none in the file. */
  readonly alpha: TensorEntry | null;
  /** The lengths of DoRA (dora_scale), with as many dimensions as the layer's weight has; null: none in the file. */
  readonly magnitude: TensorEntry | null;
}

/** What is wrong with a module, as an error that names it. */
export const refuseModule = (code: ErrorCode, module: string, what: string): AppError =>
  new AppError(code, `Module ${quote(module)} ${what}.`, { module });

/** What is wrong with a tensor, as an error that names it. */
export const refuseTensor = (code: ErrorCode, { name, dtype, shape }: TensorEntry, what: string): AppError =>
  new AppError(code, `Tensor ${quote(name)} ${what}.`, { tensor: name, dtype, shape });
