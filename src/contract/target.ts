import { type Static, type TProperties, Type } from 'typebox';

/** What a target may say besides its rank policy. */
const shared = {
  min_rank: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 65536, description: 'No module gets less, as far as it has it' }),
  ),
  max_rank: Type.Optional(Type.Integer({ minimum: 1, maximum: 65536, description: 'No module gets more' })),
  uniform: Type.Optional(
    Type.Boolean({
      description:
        'One rank for all modules (what most servers need). false lets each module have its own rank, written as ' +
        'rank_pattern. Default: true, but false for budgets and rank_pattern, which are about different ranks.',
    }),
  ),
  profile: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 64,
      description:
        'Where the result has to load (GET /v1/profiles). Decides what the target leaves open: scale, dtype, ' +
        'uniform, the ranks allowed. The result then carries the verdict, rule by rule.',
      examples: ['vllm'],
    }),
  ),
  scale: Type.Optional(
    Type.Union([Type.Literal('fold'), Type.Literal('keep'), Type.Literal('sqrt')], {
      default: 'fold',
      description:
        'fold: the scale goes into the factors and lora_alpha becomes the rank. keep: the scale stays, lora_alpha follows ' +
        'the rank. sqrt: the scale grows by √(old rank / new rank), as with α/√r.',
    }),
  ),
  split: Type.Optional(
    Type.Union([Type.Literal('balanced'), Type.Literal('b'), Type.Literal('a')], {
      default: 'balanced',
      description:
        'Which factor carries the singular values: both the same share (best to go on training from), all in B, or all in A',
    }),
  ),
  revive: Type.Optional(
    Type.Boolean({
      default: false,
      description:
        'For going on with training: directions of length zero get B = 0 and a random A instead of zeros in both, ' +
        'which no gradient could ever move',
    }),
  ),
  projections: Type.Optional(
    Type.Boolean({
      default: false,
      description:
        'For going on with training: also writes projections.safetensors with P (r×k) and R (k×r) of every module, ' +
        'B′ = B·P and A′ = R·A (GET /v1/jobs/{id}/files/projections.safetensors)',
    }),
  ),
  dtype: Type.Optional(
    Type.Union(
      [Type.Literal('match'), Type.Literal('float32'), Type.Literal('float16'), Type.Literal('bfloat16')],
      { default: 'match', description: 'dtype of the written factors; match keeps that of the source' },
    ),
  ),
};

const policy = <T extends TProperties>(own: T) =>
  Type.Object({ ...own, ...shared }, { additionalProperties: false });

export const RankTarget = policy({
  rank: Type.Integer({ minimum: 1, maximum: 65536, description: 'The rank to reach' }),
});

export const EnergyTarget = policy({
  energy: Type.Number({
    exclusiveMinimum: 0,
    maximum: 1,
    description: 'The smallest rank that keeps this share of Σσ² (kohya’s sv_fro p is energy p²)',
  }),
});

export const RatioTarget = policy({
  ratio: Type.Number({
    minimum: 1,
    maximum: 1e7,
    description: 'Keep the singular values above σ₁ divided by this (kohya: sv_ratio)',
  }),
});

export const CumulativeTarget = policy({
  cumulative: Type.Number({
    exclusiveMinimum: 0,
    maximum: 1,
    description: 'The smallest rank that keeps this share of Σσ (kohya: sv_cumulative)',
  }),
});

export const KneeTarget = policy({
  knee: Type.Literal(true, { description: 'The rank where the spectrum bends' }),
});

export const ToleranceTarget = policy({
  tolerance: Type.Number({
    minimum: 0,
    exclusiveMaximum: 1,
    description: 'The smallest rank with at most this relative error ‖ΔW − ΔW′‖ / ‖ΔW‖ in every module',
  }),
});

export const BudgetBytesTarget = policy({
  budget_bytes: Type.Integer({
    minimum: 1,
    maximum: Number.MAX_SAFE_INTEGER,
    description:
      'At most this many bytes for the factors, spent on the modules where a rank lowers the error most per byte',
  }),
});
export type BudgetBytesTarget = Static<typeof BudgetBytesTarget>;

export const BudgetParametersTarget = policy({
  budget_parameters: Type.Integer({
    minimum: 1,
    maximum: Number.MAX_SAFE_INTEGER,
    description:
      'At most this many parameters in the factors, spent on the modules where a rank lowers the error most per parameter',
  }),
});
export type BudgetParametersTarget = Static<typeof BudgetParametersTarget>;

export const RankPatternTarget = policy({
  rank_pattern: Type.Unsafe<Record<string, number>>({
    // Not Type.Record: its pattern for keys, ^.*$, would let a key with a line break bring any value.
    type: 'object',
    additionalProperties: Type.Integer({ minimum: 1, maximum: 65536 }),
    minProperties: 1,
    maxProperties: 4096,
    description:
      'Ranks by module name or pattern, matched as PEFT matches them; other modules stay as they are',
  }),
});

export const ProfileTarget = Type.Object(
  { ...shared, profile: Type.String({ minLength: 1, maxLength: 64 }) },
  {
    additionalProperties: false,
    description: 'No policy: the largest rank that the profile (or max_rank) allows',
  },
);

/** The properties that name a policy, in the order they are told. */
export const POLICIES = [
  'rank',
  'energy',
  'ratio',
  'cumulative',
  'knee',
  'tolerance',
  'budget_bytes',
  'budget_parameters',
  'rank_pattern',
] as const;
export type PolicyName = (typeof POLICIES)[number];

/** One thing to produce: a rank policy with how to write its result. */
export const Target = Type.Union(
  [
    RankTarget,
    EnergyTarget,
    RatioTarget,
    CumulativeTarget,
    KneeTarget,
    ToleranceTarget,
    BudgetBytesTarget,
    BudgetParametersTarget,
    RankPatternTarget,
    ProfileTarget,
  ],
  { description: 'One rank policy (or a profile alone), with how to write the result' },
);
export type Target = Static<typeof Target>;
