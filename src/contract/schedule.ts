import { type Static, type TSchema, Type } from 'typebox';
import { choice, nullable } from './choice.ts';

/** Modules of one shape, from which the parameters and memory of each stage are computed. */
export const ScheduleModules = Type.Object(
  {
    out_features: Type.Integer({ minimum: 1, maximum: 2 ** 31, description: 'Rows of lora_B' }),
    in_features: Type.Integer({ minimum: 1, maximum: 2 ** 31, description: 'Columns of lora_A' }),
    count: Type.Optional(Type.Integer({ minimum: 1, maximum: 1e6, default: 1 })),
  },
  { $id: 'ScheduleModules', additionalProperties: false },
);
export type ScheduleModules = Static<typeof ScheduleModules>;

const clock = {
  source_rank: Type.Integer({ minimum: 1, maximum: 65536, description: 'The rank at which training starts' }),
  target_rank: Type.Integer({ minimum: 1, maximum: 65536, description: 'The rank at which training ends' }),
  total_steps: Type.Integer({
    minimum: 1,
    maximum: 1e9,
    description: 'Optimizer steps of the whole training',
  }),
  warm_up_steps: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 1e9,
      default: 0,
      description:
        'Smallest number of steps at the source rank before the first squeeze. It is a minimum for the ' +
        'first stage and adds no steps',
    }),
  ),
  final_steps: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 1e9,
      default: 0,
      description:
        'Smallest number of steps at the target rank after the last squeeze (Cont-Squeeze). It is a ' +
        'minimum for the last stage',
    }),
  ),
  min_stage_steps: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 1e9,
      default: 200,
      description:
        'Smallest number of steps of every stage (200 in the LoRA-Squeeze paper, arXiv 2602.10993)',
    }),
  ),
};

/** The learning rate schedule of the trainer. */
export const LearningRateRequest = Type.Object(
  {
    schedule: Type.Optional(
      choice(['recommended', 'constant', 'linear', 'cosine'], {
        default: 'recommended',
        description:
          'recommended: the trainer follows the plan, which warms up after each squeeze and decays in the last ' +
          'stage only. The others are schedules of the trainer over all steps; `notes` reports if one of them ' +
          'gives the last stage too small a share of the training.',
      }),
    ),
    warm_up_steps: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 1e9,
        description: 'Steps at the beginning over which the learning rate rises. Default: 3 % of all steps',
      }),
    ),
  },
  { $id: 'LearningRateRequest', additionalProperties: false },
);
export type LearningRateRequest = Static<typeof LearningRateRequest>;

const recipe = {
  recipe: Type.Optional(
    choice(['recommended', 'equal'], {
      default: 'recommended',
      description:
        'recommended: the last stage has at least `final_share` of the steps, and no earlier stage of a schedule ' +
        'is longer. equal: all stages share the steps according to `stage_lengths`.',
    }),
  ),
  final_share: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      // With values closer to 1, the earlier stages would need more steps than a number can represent exactly.
      maximum: 0.99,
      default: 0.5,
      description: 'Smallest share of all steps at the target rank. Cannot be set for the recipe equal.',
    }),
  ),
};

/** Source and target rank, number of steps, and the shape of the curve between them. */
export const ScheduleRequest = Type.Object(
  {
    ...clock,
    ...recipe,
    mode: Type.Optional(
      choice(['in', 'cont'], {
        default: 'in',
        description:
          'in: In-Squeeze, the rank falls in several squeezes during training. cont: Cont-Squeeze, one squeeze ' +
          'from the source rank to the target rank, and further training in the last stage.',
      }),
    ),
    squeeze_steps: Type.Optional(
      Type.Array(Type.Integer({ minimum: 1, maximum: 1e9 }), {
        minItems: 1,
        maxItems: 63,
        description:
          'The steps of the squeezes, in ascending order; there is one more stage than there are steps. ' +
          'This list replaces everything else that decides the lengths of stages: recipe, final_share, ' +
          'warm_up_steps, final_steps, min_stage_steps and stage_lengths.',
      }),
    ),
    learning_rate: Type.Optional(LearningRateRequest),
    shape: Type.Optional(
      choice(['geometric', 'linear', 'cosine', 'custom'], {
        default: 'geometric',
        description:
          'How ranks fall from stage to stage. geometric: by the same factor. linear: by the same number. ' +
          'cosine: along half a cosine, slowly at both ends. custom: as listed in `ranks`',
      }),
    ),
    ranks: Type.Optional(
      Type.Array(Type.Integer({ minimum: 1, maximum: 65536 }), {
        minItems: 1,
        maxItems: 64,
        description:
          'For the shape custom: the rank of every stage in descending order, from source_rank to ' +
          'target_rank',
      }),
    ),
    stages: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 64,
        description:
          'Number of stages, including both ends. Default: one for each halving of the rank, and one for ' +
          'the source; fewer if there are too few steps. A number given here is used or refused; it is ' +
          'reduced only if rounding would repeat ranks. It cannot be set for the shape custom.',
      }),
    ),
    stage_lengths: Type.Optional(
      choice(['equal', 'rank_proportional'], {
        default: 'equal',
        description:
          'Lengths of the stages: all equal, or in proportion to their ranks. A stage whose share is below its ' +
          'minimum lasts for the minimum, and the others divide the rest. Steps left over by rounding go to the ' +
          'largest remainders, earlier stages first.',
      }),
    ),
    modules: Type.Optional(
      Type.Array(ScheduleModules, {
        minItems: 1,
        maxItems: 4096,
        description:
          'Shapes of the adapted modules; without them, parameters and memory are null in the response',
      }),
    ),
    dtype: Type.Optional(
      choice(['float32', 'float16', 'bfloat16'], {
        default: 'float32',
        description: 'dtype of the trained factors and their gradients',
      }),
    ),
    optimizer: Type.Optional(
      choice(['adam', 'adam_8bit', 'sgd_momentum', 'sgd'], {
        default: 'adam',
        description:
          'What the optimizer stores for each parameter. adam (or AdamW): 8 bytes, two float32 moments. ' +
          'adam_8bit: 2 bytes, the same in 8 bits. sgd_momentum: 4 bytes, a float32 momentum. sgd: ' +
          'nothing',
      }),
    ),
  },
  {
    $id: 'ScheduleRequest',
    additionalProperties: false,
    description: 'A training whose rank falls at given steps',
  },
);
export type ScheduleRequest = Static<typeof ScheduleRequest>;

/** Annealing in which the spectrum, not the clock, decides when to squeeze. */
export const AdaptiveRequest = Type.Object(
  {
    ...clock,
    ...recipe,
    energy: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        exclusiveMaximum: 1,
        description:
          'Each squeeze chooses the smallest rank that keeps this share of Σσ². An alternative to ' +
          '`tolerance`.',
      }),
    ),
    tolerance: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        exclusiveMaximum: 1,
        description:
          'Each squeeze chooses the smallest rank with at most this relative error. An alternative to ' +
          '`energy`.',
      }),
    ),
    check_every_steps: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1e9,
        default: 200,
        description:
          'Number of steps between two examinations of the spectrum. The spectrum is not examined in the ' +
          'first min_stage_steps after a squeeze',
      }),
    ),
    uniform: Type.Optional(
      Type.Boolean({
        default: true,
        description: 'true: one rank for all modules; false: a rank for each module',
      }),
    ),
    learning_rate: Type.Optional(LearningRateRequest),
  },
  {
    $id: 'AdaptiveRequest',
    additionalProperties: false,
    description: 'A training whose rank falls as far as the spectrum allows',
  },
);
export type AdaptiveRequest = Static<typeof AdaptiveRequest>;

/** Bytes that the trained factors take in a stage; the base model and activations are not included. */
export const StageMemory = Type.Object(
  {
    weights_bytes: Type.Integer(),
    gradients_bytes: Type.Integer(),
    optimizer_bytes: Type.Integer(),
    total_bytes: Type.Integer(),
  },
  { $id: 'StageMemory', additionalProperties: false },
);
export type StageMemory = Static<typeof StageMemory>;

/** The learning rate of a stage, relative to the peak that is right for the source rank. */
export const StageLearningRate = Type.Object(
  {
    factor: Type.Number({
      description: 'Factor of the peak: the cube root of source_rank / rank',
    }),
    warm_up_steps: Type.Integer({
      description: 'Steps at the beginning of the stage, in which the rate rises',
    }),
    decay_steps: Type.Integer({
      description: 'Steps at the end of the stage, in which the rate falls to zero',
    }),
    share: Type.Number({
      description: 'Share of the stage in Σ(learning rate × steps) of the training',
    }),
  },
  { $id: 'StageLearningRate', additionalProperties: false },
);
export type StageLearningRate = Static<typeof StageLearningRate>;

/** The learning rate of the stage in which a run currently is. */
export const RunLearningRate = Type.Object(
  {
    ...StageLearningRate.properties,
    factor: Type.Number({
      description:
        'Factor of the peak: the cube root of source_rank / current rank; if modules have ranks of their ' +
        'own, the current rank is their mean, weighted by the sizes of the modules',
    }),
    begin_step: Type.Integer({ description: 'Optimizer steps done when the stage began' }),
    end_step: Type.Integer({
      description: 'Optimizer steps done when the stage ends; in an adaptive run, at the latest',
    }),
  },
  {
    $id: 'RunLearningRate',
    additionalProperties: false,
    description:
      'The curve to follow from here. After s steps, the rate of the next step is the peak · factor · min(1, (s − ' +
      'begin_step + 1) / warm_up_steps) · min(1, (end_step − s) / decay_steps), where a term with 0 steps is 1',
  },
);
export type RunLearningRate = Static<typeof RunLearningRate>;

export const Stage = Type.Object(
  {
    index: Type.Integer({ minimum: 0 }),
    rank: Type.Integer(),
    begin_step: Type.Integer({ description: 'Optimizer steps done when the stage begins' }),
    end_step: Type.Integer({
      description: 'Optimizer steps done when the stage ends, where the next squeeze follows',
    }),
    steps: Type.Integer(),
    learning_rate: StageLearningRate,
    parameters: nullable(Type.Integer(), {
      description: 'Number of trained parameters; null without `modules`',
    }),
    memory: nullable(StageMemory, {
      description:
        'Memory of factors, gradients and optimizer, without the base model and activations; null without `modules`',
    }),
  },
  { $id: 'Stage', additionalProperties: false },
);
export type Stage = Static<typeof Stage>;

const unlessNamed = <T extends TSchema>(schema: T) =>
  nullable(schema, { description: 'null if squeeze_steps replaces it' });

export const Schedule = Type.Object(
  {
    source_rank: Type.Integer(),
    target_rank: Type.Integer(),
    total_steps: Type.Integer(),
    mode: Type.String(),
    recipe: unlessNamed(Type.String()),
    final_share: nullable(Type.Number(), {
      description: 'null for the recipe equal, and if the request has squeeze_steps',
    }),
    shape: Type.String(),
    stage_lengths: unlessNamed(Type.String()),
    learning_rate_schedule: Type.String(),
    warm_up_steps: unlessNamed(Type.Integer()),
    final_steps: unlessNamed(Type.Integer()),
    min_stage_steps: unlessNamed(Type.Integer()),
    stages: Type.Array(Stage),
    squeezes: Type.Array(
      Type.Object(
        {
          step: Type.Integer({ description: 'Optimizer steps before the squeeze' }),
          from_rank: Type.Integer(),
          to_rank: Type.Integer(),
        },
        { additionalProperties: false },
      ),
    ),
    mean_rank: Type.Number({ description: 'Average of the rank over the steps' }),
    relative_cost: Type.Number({
      description:
        'mean_rank / source_rank: the adapter parameters that are trained, as a share of those at the ' +
        'source rank throughout',
    }),
    notes: Type.Array(Type.String(), {
      description: 'Where the schedule differs from the request, and why',
    }),
  },
  { $id: 'Schedule', additionalProperties: false },
);
export type Schedule = Static<typeof Schedule>;
