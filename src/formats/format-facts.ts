import { CONFIG_FILE } from '../adapter/file-names.ts';
import { FORMAT_NAMES, type FormatName } from '../adapter/format-name.ts';
import { type ConvertTarget, convertTargets } from './convert/convert-targets.ts';
import { formatOf } from './formats.ts';

/** What is known of a format before there is any file: what it is called, and what it can be used for here. */
export interface FormatFacts {
  readonly name: FormatName;
  readonly title: string;
  /** The files of its adapters, as they are called here and in results; the weights first. */
  readonly files: readonly string[];
  readonly reads: boolean;
  /** Results can be written in it, if only from sources in it. */
  readonly writes: boolean;
  /** What its adapters can be written in besides their own format. */
  readonly converts_to: readonly ConvertTarget[];
  /** What to know before one is used. */
  readonly notes: readonly string[];
}

const NO_SCALE = 'No place for a scale: results need scale "fold", which is what they get unless said.';

const WORDS: Readonly<Record<FormatName, Pick<FormatFacts, 'title' | 'notes'>>> = {
  peft: {
    title: 'PEFT',
    notes: ['The configuration is needed: it holds the scale.', 'Serving profiles are about this format.'],
  },
  diffusers: { title: 'diffusers, and ai-toolkit', notes: ['Without alpha the scale is 1.'] },
  kohya: {
    title: 'kohya, and LyCORIS',
    notes: ['Module paths have "_" for ".". Without alpha, or with 0, the scale is 1.'],
  },
  xlabs: { title: 'XLabs (Flux)', notes: [NO_SCALE] },
  cloneofsimo: {
    title: 'cloneofsimo/lora',
    notes: [NO_SCALE, 'Converted neither way: its tensors have numbers and no names.'],
  },
  mlx: {
    title: 'MLX (mlx-lm)',
    notes: ['The configuration is needed: it holds the scale.', 'One scale and one rank for all modules.'],
  },
  gguf: {
    title: 'GGUF (llama.cpp)',
    notes: [
      'One alpha for all modules: different ranks need scale "fold".',
      'Read also where factors are Q8_0; written in F32, F16 or BF16.',
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
