/** What the experiment compares, and the raw numbers that its workers bring. */

/** Those with a learning rate of their own, and after them those that have the one of another. */
export const METHODS = [
  'direct',
  'post',
  'cont',
  'in',
  'in_equal',
  'in_tuned',
  'post_by_module',
  'cont_by_module',
  'in_by_module',
] as const;
export type Method = (typeof METHODS)[number];

export const METHOD_NAMES: Readonly<Record<Method, string>> = {
  direct: 'Direct',
  post: 'Post-Squeeze',
  cont: 'Cont-Squeeze',
  in: 'In-Squeeze',
  in_equal: 'In-Squeeze, equal recipe',
  in_tuned: 'In-Squeeze, tuned factor',
  post_by_module: 'Post-Squeeze, ranks by module',
  cont_by_module: 'Cont-Squeeze, ranks by module',
  in_by_module: 'In-Squeeze, ranks by module',
};

/** Whose settings a method has. */
export const SETTINGS_OF: Readonly<Partial<Record<Method, Method>>> = {
  post_by_module: 'post',
  cont_by_module: 'cont',
  in_by_module: 'in',
};

/** One training, whatever the seed. */
export interface Cell {
  /** sweep: to choose the settings by. */
  readonly phase: 'sweep' | 'main';
  /** source: trained at the source rank throughout. */
  readonly method: Method | 'source';
  readonly rank: number;
  /** Highest learning rate, right for the rank that training begins at. */
  readonly peak: number;
  /** in_tuned: a stage's learning rate is the source's times (R/r) to this power. */
  readonly power?: number;
}

/** The quality of one trained adapter on the test data of its seed, or in the sweep on those to choose by. */
export interface Score extends Cell {
  readonly seed: number;
  readonly accuracy: number;
  /** Mean cross-entropy over the same. */
  readonly loss: number;
  /** Σ of the parameters trained over the steps. */
  readonly trained_parameters: number;
  /** Post-Squeeze: the share of the adapter's energy that is kept. */
  readonly energy?: number;
  /** Post-Squeeze: the share of its own energy that a module keeps, in the mean over modules. */
  readonly module_energy?: number;
}

/** Accuracies of a seed's base model before any adapter, in percent, by name. */
export interface BaseScore {
  readonly base: true;
  readonly seed: number;
  readonly [name: string]: number | true;
}

/** Sizes of the experiment, the same for all methods. Handed to the workers as it is. */
export interface Plan {
  /** digits, or a data file of text/assets. */
  readonly task: string;
  readonly methods: readonly Method[];
  readonly ranks: readonly number[];
  readonly source_rank: number;
  readonly total_steps: number;
  readonly min_stage_steps: number;
  /** Learning rates that the sweep tries for all that begins at the source rank. */
  readonly peaks: readonly number[];
  /** Direct training at a rank tries the same rates times this. */
  readonly direct_factors: Readonly<Record<number, number>>;
  /** What in_tuned tries. */
  readonly powers: readonly number[];
  readonly sweep_seeds: readonly number[];
  readonly seeds: readonly number[];
  /** Digits: images in a batch, steps that the base is trained for, images to test by (all unless given). */
  readonly batch?: number;
  readonly pretrain_steps?: number;
  readonly test_images?: number;
}

/** What the sweep chose for each `method/rank`. */
export type Settings = Readonly<Record<string, Pick<Cell, 'peak' | 'power'>>>;

export interface Results {
  readonly plan: Plan;
  readonly settings: Settings;
  readonly scores: readonly Score[];
  readonly bases: readonly BaseScore[];
  /** Where, on what, when. */
  readonly facts: readonly string[];
}
