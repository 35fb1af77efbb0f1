import type { LoraModule } from '../../adapter/adapter.ts';
import type { ScaleSource } from './read-diffusers.ts';

interface ReadModule {
  readonly module: LoraModule;
  readonly source: ScaleSource;
}

/** What is odd about a file of diffusers: where programs that read it disagree on a scale, and DoRA. */
export function diffusersWarnings(read: readonly ReadModule[], hasMagnitudes: boolean): string[] {
  const open = read.filter(({ source }) => !source.config);
  const components = new Set(open.map(({ source }) => source.component));
  const warnings = [...components].flatMap((component) =>
    scaleWarnings(
      component === '' ? 'the file' : component,
      open.filter(({ source }) => source.component === component),
    ),
  );
  if (hasMagnitudes) {
    warnings.push(
      'DoRA: the magnitude vectors are carried over unchanged; errors are those of scale·B·A, not of the weights after ' +
        'the base model is normalised',
    );
  }
  return warnings;
}

/**
 * Without metadata diffusers takes one alpha for all modules that have none: the most frequent of the others, or the
 * rank of the first module (utils/peft_utils.py, `get_peft_kwargs`). Trainers and other readers mean a scale of 1.
 */
function scaleWarnings(where: string, read: readonly ReadModule[]): string[] {
  const without = read.filter(({ source }) => source.alpha === undefined);
  if (without.length === 0) return [];
  if (without.length < read.length) {
    return [
      `${without.length} of ${read.length} modules of ${where} have no alpha: their scale is taken to be 1, while diffusers ` +
        'gives them the alpha of most others',
    ];
  }
  const ranks = new Set(read.map(({ module }) => module.rank));
  return ranks.size === 1
    ? []
    : [
        `${where} has ranks from ${Math.min(...ranks)} to ${Math.max(...ranks)} and no alphas: every scale is taken to be 1, ` +
          'while diffusers takes the first rank for the alpha of all modules',
      ];
}
