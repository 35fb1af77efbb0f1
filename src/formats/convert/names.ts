import type { FormatName } from '../../adapter/format-name.ts';
import { DIFFUSERS_IN, DIFFUSERS_OUT } from './diffusers-names.ts';
import { GGUF_IN, GGUF_OUT } from './gguf-names.ts';
import { KOHYA_IN, KOHYA_OUT } from './kohya-names.ts';
import { MLX_IN, MLX_OUT } from './mlx-names.ts';
import { PEFT_IN, PEFT_OUT } from './peft-names.ts';
import type { NamesIn, NamesOut } from './placed-adapter.ts';
import { XLABS_IN, XLABS_OUT } from './xlabs-names.ts';

const NAMES: Readonly<Record<FormatName, readonly [NamesIn, NamesOut] | null>> = {
  peft: [PEFT_IN, PEFT_OUT],
  diffusers: [DIFFUSERS_IN, DIFFUSERS_OUT],
  kohya: [KOHYA_IN, KOHYA_OUT],
  xlabs: [XLABS_IN, XLABS_OUT],
  cloneofsimo: null,
  mlx: [MLX_IN, MLX_OUT],
  gguf: [GGUF_IN, GGUF_OUT],
};

/** How the names of a format are turned into places; null if they show none. */
export const namesIn = (format: FormatName): NamesIn | null => NAMES[format]?.[0] ?? null;

/** How a format names places; null if it has no names. */
export const namesOut = (format: FormatName): NamesOut | null => NAMES[format]?.[1] ?? null;
