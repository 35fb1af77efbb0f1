import type { TensorEntry } from '../../adapter/adapter.ts';
import { AppError } from '../../errors/app-error.ts';
import type { ErrorCode } from '../../errors/error-kinds.ts';
import { quote } from '../../json/quote.ts';

/** What is wrong with a module, as an error that names it. */
export const refuseModule = (code: ErrorCode, module: string, what: string): AppError =>
  new AppError(code, `module ${quote(module)}: ${what}`, { module });

/** What is wrong with a tensor, as an error that names it. */
export const refuseTensor = (code: ErrorCode, { name, dtype, shape }: TensorEntry, what: string): AppError =>
  new AppError(code, `tensor ${quote(name)}: ${what}`, { tensor: name, dtype, shape });
