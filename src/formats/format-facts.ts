import { CONFIG_FILE } from '../adapter/file-names.ts';
import { FORMAT_NAMES, type FormatName } from '../adapter/format-name.ts';
import { type ConvertTarget, convertTargets } from './convert/convert-targets.ts';
import { formatOf } from './formats.ts';

/** A format as the API describes it: its names, and what it can be used for here. */
export interface FormatFacts {
  readonly name: FormatName;
  readonly title: string;
  /** The files of its adapters, as they are called here and in results; the weights first. */
  readonly files: readonly string[];
  readonly reads: boolean;
  /** Whether results can be written in it, at least from sources in it. */
  readonly writes: boolean;
  /** The other formats in which its adapters can be written. */
  readonly converts_to: readonly ConvertTarget[];
  /** What users need to know, one sentence each. */
  readonly notes: readonly string[];
}

const NO_SCALE = 'The format cannot store a scaling, so results need scale "fold", the default.';

const WORDS: Readonly<Record<FormatName, Pick<FormatFacts, 'title' | 'notes'>>> = {
  peft: {
    title: 'PEFT',
    notes: [
      'The configuration is required, because it contains the scaling.',
      'Most serving profiles are for this format.',
    ],
  },
  diffusers: { title: 'diffusers, and ai-toolkit', notes: ['Without alpha, the scaling is 1.'] },
  kohya: {
    title: 'kohya, and LyCORIS',
    notes: ['Module paths use "_" in place of ".". Without alpha, or with 0, the scaling is 1.'],
  },
  xlabs: { title: 'XLabs (Flux)', notes: [NO_SCALE] },
  cloneofsimo: {
    title: 'cloneofsimo/lora',
    notes: [
      NO_SCALE,
      'Adapters in this format cannot be converted, because their tensors have numbers instead of names.',
    ],
  },
  mlx: {
    title: 'MLX (mlx-lm)',
    notes: [
      'The configuration is required, because it contains the scaling.',
      'All modules share one scaling.',
      'Versions of mlx-lm after v0.31.3 load only adapters whose modules all have one rank.',
    ],
  },
  gguf: {
    title: 'GGUF (llama.cpp)',
    notes: [
      'All modules share one alpha, so different ranks need scale "fold".',
      'Factors may be Q8_0 in a source; they are written in F32, F16 or BF16.',
    ],
  },
};

/** Every format, in the order of FORMAT_NAMES. */
export const FORMAT_FACTS: readonly FormatFacts[] = FORMAT_NAMES.map((name) => {
  const { weightsName, hasConfig } = formatOf(name);
  return {
    name,
    title: WORDS[name].title,
    files: hasConfig ? [weightsName, CONFIG_FILE] : [weightsName],
    reads: true,
    writes: true,
    converts_to: convertTargets(name),
    notes: WORDS[name].notes,
  };
});
