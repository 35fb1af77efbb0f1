/** The meanings of the terms on the page, as in docs/glossary.md. */
export const GLOSSARY = {
  alpha:
    'The numerator of the scaling: the update is multiplied by alpha / rank, or by alpha / √rank with rsLoRA.',
  'effective rank':
    'The number of directions that the update really uses: exp of the entropy of its spectrum.',
  energy:
    'The sum of the squared singular values. The energy kept is the share of it that the squeezed adapter has.',
  'error of the last squeeze': 'The relative error of that squeeze: ‖ΔW − ΔW′‖ / ‖ΔW‖.',
  'learning rate': 'The factor by which the peak of the trainer’s learning rate is multiplied at this rank.',
  'mean module error':
    'The root mean square of the relative errors of all modules, in which each module counts the same.',
  module: 'A layer of the base model that the adapter updates.',
  pinned:
    'A pinned module has a rank that was fixed by hand. The remaining size is shared out over the other modules.',
  rank: 'The inner dimension of the two factors of a module. A smaller rank makes a smaller and faster adapter.',
  'relative error': 'The size of the change, relative to the size of the original update: ‖ΔW − ΔW′‖ / ‖ΔW‖.',
  weight:
    'The tenant’s share of the workers, relative to other tenants, while several of them have waiting jobs.',
  'worst module': 'The module whose own relative error is the largest.',
} as const;

export type Term = keyof typeof GLOSSARY;
