import { type Static, type TObject, Type } from 'typebox';
import type { FormatName } from '../adapter/format-name.ts';
import { FormatNameSchema } from './adapter.ts';
import { choice } from './choice.ts';
import { ResultSettings } from './result-settings.ts';
import { atLeastOne, atMostOne, onlyWith } from './rules.ts';

/** Information that a conversion needs and that the files may lack. */
export const FormatOptions = Type.Object(
  {
    component: Type.Optional(
      choice(['unet', 'transformer', 'text_encoder', 'text_encoder_2'], {
        description:
          'diffusers, kohya: the part of the pipeline to which the adapter belongs. Default: the part ' +
          'that the names of its modules indicate',
      }),
    ),
    architecture: Type.Optional(
      Type.String({
        pattern: '^[a-z0-9][a-z0-9_-]{0,40}$',
        description: 'GGUF: general.architecture of the base model',
        examples: ['qwen2'],
      }),
    ),
    heads: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1024,
        description:
          'GGUF: attention heads of the base model; needed for llama (and Mistral), granite and ' +
          'smollm3, whose q and k rows llama.cpp reorders',
      }),
    ),
    kv_heads: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1024,
        description: 'GGUF: key and value heads of the base model. Default: `heads`',
      }),
    ),
    base_model: Type.Optional(
      Type.String({
        maxLength: 400,
        description:
          'PEFT: base_model_name_or_path of the result, if the source does not name the base model',
      }),
    ),
  },
  {
    $id: 'FormatOptions',
    additionalProperties: false,
    description: 'Information that a conversion needs and the files do not contain',
  },
);
export type FormatOptions = Static<typeof FormatOptions>;

/** The fields of a target besides its rank policy. */
const shared = {
  min_rank: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 65536,
      description: 'Smallest rank of each module, up to its own rank',
    }),
  ),
  max_rank: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 65536, description: 'Largest rank of each module' }),
  ),
  uniform: Type.Optional(
    Type.Boolean({
      description:
        'One rank for all modules, which most servers require. With false each module may have its own rank, ' +
        'written as rank_pattern. Default: true, except for budgets, rank_pattern and compat, whose purpose is ' +
        'different ranks.',
    }),
  ),
  format: Type.Optional(FormatNameSchema),
  format_options: Type.Optional(FormatOptions),
  profile: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 64,
      description:
        'The server that must load the result (GET /v1/capabilities). The profile decides whatever the target ' +
        'leaves open: scale, dtype, uniform, the allowed ranks. The result then contains a verdict, rule by rule.',
      examples: ['vllm'],
    }),
  ),
  scale: Type.Optional(
    choice(['fold', 'keep', 'sqrt'], {
      default: 'fold',
      description:
        'fold: the scaling is multiplied into the factors, and lora_alpha becomes the rank; in the format kohya, every ' +
        'alpha becomes the smallest rank. keep: the scaling stays, and lora_alpha follows the rank. sqrt: the scaling ' +
        'grows by √(old rank / new rank), as with α/√r.',
    }),
  ),
  split: Type.Optional(
    choice(['balanced', 'b', 'a'], {
      default: 'balanced',
      description:
        'Which factor gets the singular values: both in equal shares (best for further training), B, or A',
    }),
  ),
  revive: Type.Optional(
    Type.Boolean({
      default: false,
      description:
        'For further training: whether directions of length zero get B = 0 and a random A instead of ' +
        'zeros in both factors, which no gradient could change',
    }),
  ),
  projections: Type.Optional(
    Type.Boolean({
      default: false,
      description:
        'For further training: also write projections.safetensors with P (r×k) and R (k×r) of every ' +
        'module, where B′ = B·P and A′ = R·A (GET /v1/jobs/{id}/artifacts/projections.safetensors)',
    }),
  ),
  strip: Type.Optional(
    Type.Array(
      choice(['heads', 'embeddings', 'base_layers', 'biases', 'other'], {
        description:
          'heads: also everything else that modules_to_save names. biases: also the biases of lora_B',
      }),
      {
        minItems: 1,
        maxItems: 5,
        uniqueItems: true,
        description:
          'Kinds of carried tensors to leave out (see `size` of the adapter). The configuration no longer names ' +
          'them, and the result has a warning for each kind. Default: all are carried over',
        examples: [['heads', 'embeddings']],
      },
    ),
  ),
  cast: Type.Optional(
    choice(['float32', 'float16', 'bfloat16'], {
      description:
        'dtype of the carried floating-point tensors (heads, embeddings, biases, magnitudes); numbers that do not ' +
        'fit are refused. Default: they stay byte for byte',
    }),
  ),
  dtype: Type.Optional(
    choice(['match', 'float32', 'float16', 'bfloat16'], {
      default: 'match',
      description: 'dtype of the written factors; match keeps that of the source',
    }),
  ),
  /** Only in requests, because it does not affect the work. */
  results: Type.Optional(ResultSettings),
};

export const DEFAULT_CRITERION = 'relative';

/** The rank policies. A target has one of them, or none. */
const policies = {
  rank: Type.Integer({ minimum: 1, maximum: 65536, description: 'The rank of the result' }),
  energy: Type.Number({
    exclusiveMinimum: 0,
    maximum: 1,
    description:
      'The smallest rank that keeps this share of Σσ² (with compat kohya, sv_fro of p is an energy of p²)',
  }),
  ratio: Type.Number({
    minimum: 1,
    maximum: 1e7,
    description: 'Keep the singular values above σ₁ divided by this (kohya’s sv_ratio with compat kohya)',
  }),
  cumulative: Type.Number({
    exclusiveMinimum: 0,
    maximum: 1,
    description: 'The smallest rank that keeps this share of Σσ (kohya’s sv_cumulative with compat kohya)',
  }),
  knee: Type.Literal(true, { description: 'The rank where the spectrum bends' }),
  tolerance: Type.Number({
    minimum: 0,
    exclusiveMaximum: 1,
    description: 'The smallest rank with at most this relative error ‖ΔW − ΔW′‖ / ‖ΔW‖ in every module',
  }),
  budget_bytes: Type.Integer({
    minimum: 1,
    maximum: Number.MAX_SAFE_INTEGER,
    description:
      'At most this many bytes for the factors, spent on the modules where a rank lowers the error most per byte',
  }),
  budget_parameters: Type.Integer({
    minimum: 1,
    maximum: Number.MAX_SAFE_INTEGER,
    description:
      'At most this many parameters in the factors, spent on the modules where a rank lowers the error most per ' +
      'parameter',
  }),
  rank_pattern: Type.Unsafe<Record<string, number>>({
    // Not Type.Record: its pattern for keys, ^.*$, would accept any value for a key with a line break.
    type: 'object',
    additionalProperties: Type.Integer({ minimum: 1, maximum: 65536 }),
    minProperties: 1,
    maxProperties: 4096,
    description:
      'Ranks by module name or pattern, matched as PEFT matches them; other modules stay as they are',
  }),
};

export type PolicyName = keyof typeof policies;

/** The properties that name a policy, in the order in which messages and help texts list them. */
export const POLICIES = Object.keys(policies) as readonly PolicyName[];

/** The policies that distribute a total over the modules. */
export const BUDGETS = ['budget_bytes', 'budget_parameters'] as const satisfies readonly PolicyName[];
type BudgetName = (typeof BUDGETS)[number];

/** Only for budgets. */
const criterion = {
  criterion: Type.Optional(
    choice(['relative', 'energy'], {
      default: DEFAULT_CRITERION,
      description:
        'The error that a budget keeps small. relative: a direction counts as its share σ²/Σσ² in its own module, ' +
        'so that module_relative_error is small. energy: it counts as s²σ², so that relative_error is small. It ' +
        'has no effect with uniform.',
    }),
  ),
};

/** The policies that correspond to kohya's dynamic methods. */
export const KOHYA_METHODS = ['energy', 'ratio', 'cumulative'] as const satisfies readonly PolicyName[];
type KohyaMethod = (typeof KOHYA_METHODS)[number];

/** Only for kohya's methods. */
const compat = {
  compat: Type.Optional(
    choice(['kohya'], {
      description:
        'kohya: the rank that resize_lora.py of kohya-ss/sd-scripts gives each module for the same parameter, which ' +
        'is one more than the policy asks for. The default of uniform is then false; max_rank is --new_rank.',
    }),
  ),
};

/** Every field that a target may have. */
export const TargetFields = Type.Object(
  { ...Type.Partial(Type.Object(policies)).properties, ...criterion, ...compat, ...shared },
  {
    $id: 'Target',
    additionalProperties: false,
    description:
      'One rank policy, and how to write the result. A profile alone asks for the largest rank that it (or ' +
      'max_rank) allows. A format alone asks for a conversion: every module keeps its rank, within min_rank and ' +
      'max_rank.',
    ...atMostOne(POLICIES),
    ...atLeastOne([...POLICIES, 'profile', 'format']),
    ...onlyWith({ criterion: BUDGETS, compat: KOHYA_METHODS }),
  },
);

type Shared = Static<TObject<typeof shared>>;
type Policies = Static<TObject<typeof policies>>;
type OptionsOf<Name extends PolicyName> = Name extends BudgetName
  ? Static<TObject<typeof criterion>>
  : Name extends KohyaMethod
    ? Static<TObject<typeof compat>>
    : unknown;
type OfPolicy<Name extends PolicyName> = Pick<Policies, Name> & OptionsOf<Name> & Shared;

/** A target whose policy is a budget. */
export type BudgetTarget = { [Name in BudgetName]: OfPolicy<Name> }[BudgetName];

/** A result to produce: a rank policy and how to write the result, or only a profile or a format. */
export type Target =
  | { [Name in PolicyName]: OfPolicy<Name> }[PolicyName]
  | (Shared & { profile: string })
  | (Shared & { format: FormatName });
/** Declared as one object type, which suits client generators; extra rules express which fields can be combined. */
export const Target = Type.Unsafe<Target>(TargetFields);

/** Policies whose purpose is to give modules different ranks. */
const UNEQUAL: readonly PolicyName[] = [...BUDGETS, 'rank_pattern'];

/** Whether modules may get different ranks if a target does not say so: then the default of `uniform` is false. */
export const isUnequalByDefault = (target: Target): boolean =>
  UNEQUAL.some((policy) => policy in target) || ('compat' in target && target.compat !== undefined);
