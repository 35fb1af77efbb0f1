/** What the experiment compares, and the raw numbers that its workers bring. */

export const METHODS = ['direct', 'post', 'cont', 'in'] as const;
export type Method = (typeof METHODS)[number];

/** Ways to run In-Squeeze that the service offers; all other methods know only `default`. */
export const VARIANTS = ['default', 'reset', 'sqrt', 'hint', 'sqrt_hint'] as const;
export type Variant = (typeof VARIANTS)[number];

/** A line of the comparison, at every rank. */
export interface Line {
  readonly name: string;
  readonly method: Method;
  readonly variant: Variant;
}

export const LINES: readonly Line[] = [
  { name: 'Direct', method: 'direct', variant: 'default' },
  { name: 'Post-Squeeze', method: 'post', variant: 'default' },
  { name: 'Cont-Squeeze', method: 'cont', variant: 'default' },
  { name: 'In-Squeeze', method: 'in', variant: 'default' },
  { name: 'In-Squeeze, hint', method: 'in', variant: 'hint' },
];

/** One training, whatever the seed. */
export interface Cell {
  readonly phase: 'sweep' | 'main' | 'variant';
  /** source: trained at the source rank throughout. */
  readonly method: Method | 'source';
  readonly variant: Variant;
  readonly rank: number;
  /** Highest learning rate of the schedule. */
  readonly peak: number;
}

/** The quality of one trained adapter on the test pairs of its seed. */
export interface Score extends Cell {
  readonly seed: number;
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
  /** Where all variants of In-Squeeze are tried; those among LINES at every rank. */
  readonly variant_rank: number;
  readonly total_steps: number;
  readonly cont_steps: number;
  readonly min_stage_steps: number;
  readonly batch: number;
  readonly pretrain_steps: number;
  /** Fewer than all images held out; scores of so few are worth nothing. */
  readonly test_images?: number;
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
  /** Where, on what, when. */
  readonly facts: readonly string[];
}
