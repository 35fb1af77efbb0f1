/** The methods that the experiment compares, and the raw numbers from its workers. */

/** First the methods with a learning rate of their own, then those that use the learning rate of another method. */
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

/** The method whose settings another method uses. */
export const SETTINGS_OF: Readonly<Partial<Record<Method, Method>>> = {
  post_by_module: 'post',
  cont_by_module: 'cont',
  in_by_module: 'in',
};

/** One training, independent of the seed. */
export interface Cell {
  /** sweep: used to choose the settings. */
  readonly phase: 'sweep' | 'main';
  /** source: trained at the source rank throughout. */
  readonly method: Method | 'source';
  readonly rank: number;
  /** Peak learning rate, right for the rank at which the training begins. */
  readonly peak: number;
  /** in_tuned: a stage's learning rate is that of the source multiplied by (R/r) to this power. */
  readonly power?: number;
}

/** The quality of one trained adapter on the test data of its seed; in the sweep, on the data used for choosing. */
export interface Score extends Cell {
  readonly seed: number;
  readonly accuracy: number;
  /** Mean cross-entropy on the same data. */
  readonly loss: number;
  /** Σ over the steps of the number of trained parameters. */
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

/** The sizes of the experiment, the same for all methods. Passed to the workers unchanged. */
export interface Plan {
  /** digits, or a data file of text/assets. */
  readonly task: string;
  readonly methods: readonly Method[];
  readonly ranks: readonly number[];
  readonly source_rank: number;
  readonly total_steps: number;
  readonly min_stage_steps: number;
  /** Learning rates that the sweep tries for everything that begins at the source rank. */
  readonly peaks: readonly number[];
  /** Direct training at a rank tries the same rates, multiplied by this factor. */
  readonly direct_factors: Readonly<Record<number, number>>;
  /** The powers that in_tuned tries. */
  readonly powers: readonly number[];
  readonly sweep_seeds: readonly number[];
  readonly seeds: readonly number[];
  /** Digits: images per batch, training steps of the base, images to test with (default: all). */
  readonly batch?: number;
  readonly pretrain_steps?: number;
  readonly test_images?: number;
}

/** The settings that the sweep chose for each `method/rank`. */
export type Settings = Readonly<Record<string, Pick<Cell, 'peak' | 'power'>>>;

export interface Results {
  readonly plan: Plan;
  readonly settings: Settings;
  readonly scores: readonly Score[];
  readonly bases: readonly BaseScore[];
  /** Machine, versions and date. */
  readonly facts: readonly string[];
}
