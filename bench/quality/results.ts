/** What the experiment compares, and the raw numbers that its workers bring. */

export const METHODS = ['direct', 'post', 'cont', 'in'] as const;
export type Method = (typeof METHODS)[number];

export const METHOD_NAMES: Readonly<Record<Method, string>> = {
  direct: 'Direct',
  post: 'Post-Squeeze',
  cont: 'Cont-Squeeze',
  in: 'In-Squeeze',
};

/** Ways to run In-Squeeze that the service offers; `default` is also the method `in` of the main comparison. */
export const VARIANTS = ['default', 'reset', 'sqrt', 'hint', 'sqrt_hint'] as const;
export type Variant = (typeof VARIANTS)[number];

/** The quality of one trained adapter on the test pairs of its seed. */
export interface Score {
  readonly phase: 'sweep' | 'main' | 'variant';
  readonly seed: number;
  /** source: trained at the source rank throughout. */
  readonly method: Method | 'source';
  readonly variant: Variant;
  readonly rank: number;
  /** Highest learning rate of the schedule. */
  readonly peak: number;
  /** Percent of the test images, each in all views. */
  readonly accuracy: number;
  /** Mean cross-entropy over the same. */
  readonly loss: number;
}

/** Accuracy of a seed's base model before any adapter, in percent. */
export interface BaseScore {
  readonly base: true;
  readonly seed: number;
  readonly upright: number;
  readonly shuffled: number;
}

/** Sizes of the experiment, the same for all methods. Handed to the workers as it is. */
export interface Plan {
  readonly ranks: readonly number[];
  readonly source_rank: number;
  readonly variant_rank: number;
  /** Tried at variant_rank besides `default`. */
  readonly variants: readonly Variant[];
  readonly total_steps: number;
  readonly cont_steps: number;
  readonly min_stage_steps: number;
  readonly batch: number;
  readonly pretrain_steps: number;
  /** Learning rates that the sweep tries. */
  readonly peaks: readonly number[];
  readonly sweep_seeds: readonly number[];
  readonly seeds: readonly number[];
}

/** The learning rate that the sweep chose for each `method/rank`. */
export type Peaks = Readonly<Record<string, number>>;

export interface Results {
  readonly plan: Plan;
  readonly peaks: Peaks;
  readonly scores: readonly Score[];
  readonly bases: readonly BaseScore[];
  readonly facts: readonly string[];
}
