import type { FormatName } from '../adapter/format-name.ts';
import { CLONEOFSIMO } from './cloneofsimo/cloneofsimo.ts';
import { DIFFUSERS } from './diffusers/diffusers.ts';
import type { Format } from './format.ts';
import { GGUF } from './gguf/gguf.ts';
import { KOHYA } from './kohya/kohya.ts';
import { MLX } from './mlx/mlx.ts';
import { PEFT } from './peft/peft.ts';
import { XLABS } from './xlabs/xlabs.ts';

/** In the order in which files are recognised: a configuration of PEFT takes precedence over the names of tensors. */
export const FORMATS: readonly Format[] = [GGUF, PEFT, MLX, KOHYA, XLABS, DIFFUSERS, CLONEOFSIMO];

/** @throws RangeError for an unknown format (our own mistake) */
export function formatOf(name: FormatName): Format {
  const format = FORMATS.find((one) => one.name === name);
  if (!format) throw new RangeError(`there is no format ${name}`);
  return format;
}
