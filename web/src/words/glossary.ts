/** What words of the page mean, as docs/glossary.md has it. */
export const GLOSSARY = {
  alpha:
    'The numerator of the scaling: the update is multiplied by alpha / rank, or by alpha / √rank with rsLoRA.',
  'effective rank': 'How many directions the update really uses: exp of the entropy of its spectrum.',
  energy: 'The sum of the squared singular values. What is kept of it is a share of the whole.',
  'error of the last squeeze': 'How far the update was moved by it: ‖ΔW − ΔW′‖ / ‖ΔW‖.',
  'learning rate': 'What the peak of the trainer’s learning rate is multiplied by at this rank.',
  'mean module error':
    'The root mean square of the relative errors of all modules, in which each module counts the same.',
  module: 'A layer of the base model that the adapter updates.',
  pinned: 'Of a module: its rank is fixed by hand. The size is shared out over the other modules.',
  rank: 'The inner dimension of the two factors of a module. A smaller rank makes a smaller and faster adapter.',
  'relative error': 'How far the update is from the original: ‖ΔW − ΔW′‖ / ‖ΔW‖.',
  weight: 'The tenant’s share of the workers beside those of others, while several have jobs waiting.',
  'worst module': 'The module whose own relative error is the largest.',
} as const;

export type Term = keyof typeof GLOSSARY;
