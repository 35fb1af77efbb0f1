import type { FormatName } from '../../../src/adapter/format-name.ts';
import type { ServingProfile } from '../../../src/contract/serving.ts';
import {
  DEFAULT_CRITERION,
  type FormatOptions,
  KOHYA_METHODS,
  type Target,
} from '../../../src/contract/target.ts';
import type { Criterion, PinnedRanks } from '../../../src/core/policy/allocate-ranks.ts';
import { maxRankOf, type ServerRank } from './rank-choices.ts';
import { rankPattern } from './rank-pattern.ts';

/** How ranks are chosen: along one of the two lines of the curve, or by a policy that looks at each spectrum. */
export const POLICY_CHOICES = {
  rank: 'One rank for all',
  modules: 'Ranks by module',
  energy: 'Energy to keep',
  tolerance: 'Error at most',
  cumulative: 'Share of Σσ',
  ratio: 'σ above σ₁ divided by',
  knee: 'Where the spectrum bends',
} as const;
export type PolicyChoice = keyof typeof POLICY_CHOICES;

/** The policies that look at each spectrum. */
export const SPECTRUM_POLICIES = ['energy', 'tolerance', 'cumulative', 'ratio', 'knee'] as const;
export type SpectrumPolicy = (typeof SPECTRUM_POLICIES)[number];

/** Whether a policy can choose ranks as kohya's resize_lora.py does. */
export const hasKohya = (policy: PolicyChoice): boolean =>
  (KOHYA_METHODS as readonly PolicyChoice[]).includes(policy);

export const CRITERIA = {
  relative: 'Mean module error, which predicts accuracy',
  energy: 'Error of the whole adapter',
} as const;

/** The choices that the user has made so far. */
export interface TargetForm {
  readonly policy: PolicyChoice;
  readonly rank: number;
  /** The size for ranks by module: the number of parameters of the factors. */
  readonly parameters: number;
  /** The loss that ranks by module keep small, and that the curve shows. */
  readonly criterion: Criterion;
  /** Only for ranks by module: the pinned ranks, by the index of their module. */
  readonly pins: PinnedRanks;
  /** In percent of Σσ². */
  readonly energy: number;
  /** In percent of ‖ΔW‖. */
  readonly tolerance: number;
  /** In percent of Σσ. */
  readonly cumulative: number;
  readonly ratio: number;
  /** Only for three policies that look at each spectrum: choose ranks as kohya's resize_lora.py does. */
  readonly isKohya: boolean;
  /**
   * Only for the policies that look at each spectrum: all modules get the largest rank that one of them
   * would get.
   */
  readonly isUniform: boolean;
  readonly profile: string;
  /** Only for profiles with a setting for it. */
  readonly serverRank: ServerRank;
  readonly format: FormatName | '';
  /** The options of that format. */
  readonly formatOptions: FormatOptions;
  readonly dtype: '' | 'float32' | 'float16' | 'bfloat16';
  readonly scale: 'fold' | 'keep';
  readonly isExact: boolean;
}

/** The outcome of choosing ranks by module. */
export interface ChosenRanks {
  readonly modules: readonly { readonly name: string; readonly rank: number }[];
  readonly ranks: readonly number[];
}

/**
 * The target that a form asks for.
 * @param chosen the ranks by module; if some modules are pinned, the target names the ranks of all
 */
export function buildTarget(form: TargetForm, profile: ServingProfile | null, chosen: ChosenRanks): Target {
  const maxRank = maxRankOf(profile, form.serverRank);
  const common = {
    ...(form.profile !== '' && { profile: form.profile }),
    ...(maxRank !== undefined && { max_rank: maxRank }),
    ...(form.format !== '' && { format: form.format }),
    ...(form.format !== '' &&
      Object.keys(form.formatOptions).length > 0 && { format_options: form.formatOptions }),
    ...(form.dtype !== '' && { dtype: form.dtype }),
    ...(form.scale === 'keep' && { scale: form.scale }),
  };
  const uniform = { uniform: form.isUniform };
  const compat = form.isKohya ? { compat: 'kohya' as const } : {};
  switch (form.policy) {
    case 'rank':
      return { rank: form.rank, ...common };
    case 'modules':
      return form.pins.size > 0
        ? { rank_pattern: rankPattern(chosen.modules, chosen.ranks), uniform: false, ...common }
        : {
            budget_parameters: form.parameters,
            ...(form.criterion !== DEFAULT_CRITERION && { criterion: form.criterion }),
            uniform: false,
            ...common,
          };
    case 'energy':
      return { energy: form.energy / 100, ...compat, ...uniform, ...common };
    case 'tolerance':
      return { tolerance: form.tolerance / 100, ...uniform, ...common };
    case 'cumulative':
      return { cumulative: form.cumulative / 100, ...compat, ...uniform, ...common };
    case 'ratio':
      return { ratio: form.ratio, ...compat, ...uniform, ...common };
    case 'knee':
      return { knee: true, ...uniform, ...common };
  }
}
