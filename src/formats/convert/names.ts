import type { FormatName } from '../../adapter/format-name.ts';
import { DIFFUSERS_READER, DIFFUSERS_WRITER } from './diffusers-names.ts';
import { GGUF_READER, GGUF_WRITER } from './gguf-names.ts';
import { KOHYA_READER, KOHYA_WRITER } from './kohya-names.ts';
import { MLX_READER, MLX_WRITER } from './mlx-names.ts';
import { PEFT_READER, PEFT_WRITER } from './peft-names.ts';
import type { NameReader, NameWriter } from './placed-adapter.ts';
import { XLABS_READER, XLABS_WRITER } from './xlabs-names.ts';

const NAMES: Readonly<Record<FormatName, readonly [NameReader, NameWriter] | null>> = {
  peft: [PEFT_READER, PEFT_WRITER],
  diffusers: [DIFFUSERS_READER, DIFFUSERS_WRITER],
  kohya: [KOHYA_READER, KOHYA_WRITER],
  xlabs: [XLABS_READER, XLABS_WRITER],
  cloneofsimo: null,
  mlx: [MLX_READER, MLX_WRITER],
  gguf: [GGUF_READER, GGUF_WRITER],
};

/** How the names of a format are turned into places; null if they show none. */
export const nameReader = (format: FormatName): NameReader | null => NAMES[format]?.[0] ?? null;

/** How a format names places; null if it has no names. */
export const nameWriter = (format: FormatName): NameWriter | null => NAMES[format]?.[1] ?? null;
