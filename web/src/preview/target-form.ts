import type { FormatName } from '../../../src/adapter/format-name.ts';
import type { ServingProfile } from '../../../src/contract/serving.ts';
import { DEFAULT_CRITERION, type Target } from '../../../src/contract/target.ts';
import { neededSetting } from './rank-choices.ts';

/** How ranks are chosen. */
export const POLICY_CHOICES = {
  rank: 'One rank for all',
  energy: 'Energy to keep',
  tolerance: 'Error at most',
  budget_bytes: 'Size at most',
  cumulative: 'Share of Σσ',
  ratio: 'σ above σ₁ divided by',
  knee: 'Where the spectrum bends',
} as const;
export type PolicyChoice = keyof typeof POLICY_CHOICES;

export const CRITERIA = {
  relative: 'The mean module error, which predicts accuracy',
  energy: 'The error of the whole adapter',
} as const;
export type Criterion = keyof typeof CRITERIA;

/** What the reader has chosen so far. */
export interface TargetForm {
  readonly policy: PolicyChoice;
  readonly rank: number;
  /** Percent of Σσ² */
  readonly energy: number;
  /** Percent of ‖ΔW‖ */
  readonly tolerance: number;
  /** Megabytes */
  readonly budget: number;
  /** What a budget that gives each module its own rank loses little of. */
  readonly criterion: Criterion;
  /** Percent of Σσ */
  readonly cumulative: number;
  readonly ratio: number;
  readonly isUniform: boolean;
  readonly profile: string;
  readonly format: FormatName | '';
  readonly dtype: '' | 'float32' | 'float16' | 'bfloat16';
  readonly scale: 'fold' | 'keep';
  readonly isExact: boolean;
}

/** The target that a form asks for. */
export function targetOf(form: TargetForm, profile: ServingProfile | null): Target {
  const maxRank = form.policy === 'rank' ? neededSetting(profile, form.rank) : undefined;
  const common = {
    ...(form.profile !== '' && { profile: form.profile }),
    ...(maxRank !== undefined && { max_rank: maxRank }),
    ...(form.format !== '' && { format: form.format }),
    ...(form.dtype !== '' && { dtype: form.dtype }),
    ...(form.scale === 'keep' && { scale: form.scale }),
  };
  const uniform = { uniform: form.isUniform };
  switch (form.policy) {
    case 'rank':
      return { rank: form.rank, ...common };
    case 'energy':
      return { energy: form.energy / 100, ...uniform, ...common };
    case 'tolerance':
      return { tolerance: form.tolerance / 100, ...uniform, ...common };
    case 'budget_bytes':
      return {
        budget_bytes: Math.max(1, Math.round(form.budget * 1e6)),
        ...(!form.isUniform && form.criterion !== DEFAULT_CRITERION && { criterion: form.criterion }),
        ...uniform,
        ...common,
      };
    case 'cumulative':
      return { cumulative: form.cumulative / 100, ...uniform, ...common };
    case 'ratio':
      return { ratio: form.ratio, ...uniform, ...common };
    case 'knee':
      return { knee: true, ...uniform, ...common };
  }
}
