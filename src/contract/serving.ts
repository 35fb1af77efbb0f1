import { type Static, Type } from 'typebox';
import { choice, nullable } from './choice.ts';

/** Where the facts of a profile were read. */
export const ProfileSource = Type.Object(
  {
    what: Type.String({ description: 'What was read there' }),
    version: Type.String({ description: 'Release, commit or date it was read at' }),
    url: Type.String(),
  },
  { $id: 'ProfileSource', additionalProperties: false },
);

/** Parts of an adapter that are more than pairs of factors. */
export const ProfileFeature = choice(['dora', 'modules-to-save', 'bias', 'lora-bias']);
export type ProfileFeature = Static<typeof ProfileFeature>;

/** A place where adapters are loaded, as data: what it takes and what it makes of it. */
export const ServingProfile = Type.Object(
  {
    name: Type.String({ description: 'What a target calls it', examples: ['vllm'] }),
    title: Type.String(),
    sources: Type.Array(ProfileSource, { minItems: 1 }),
    max_rank: Type.Object(
      {
        default: nullable(Type.Integer({ minimum: 1 }), {
          description: 'The largest rank unless set otherwise; null: none',
        }),
        largest: nullable(Type.Integer({ minimum: 1 }), {
          description: 'The largest it can be set to; null: no limit',
        }),
        steps: nullable(Type.Array(Type.Integer({ minimum: 1 })), {
          description: 'The values the setting takes; null: any',
        }),
        setting: nullable(Type.String(), { description: 'What sets it there; null: nothing' }),
      },
      { additionalProperties: false, description: 'A target’s max_rank says what it is set to' },
    ),
    min_rank: Type.Integer({ minimum: 1 }),
    allowed_ranks: nullable(
      Type.Object(
        {
          ranks: Type.Array(Type.Integer({ minimum: 1 }), { minItems: 1, description: 'Ascending' }),
          reason: Type.String({ description: 'What happens to others' }),
        },
        { additionalProperties: false },
      ),
      { description: 'The ranks that work; null: any' },
    ),
    same_rank: choice(['none', 'experts', 'all'], {
      description: 'Which modules have to share a rank: none; those that differ only in the expert; all',
    }),
    scale: Type.Object(
      {
        formula: choice(['module', 'config', 'tensor-rank', 'unstated'], {
          description:
            'Where a module’s scale comes from: module: its own alpha and rank, as in PEFT; config: lora_alpha and r ' +
            'for all; tensor-rank: lora_alpha for all and the rank of the tensors; unstated: only scale 1 is safe',
        }),
        rslora: Type.Boolean({ description: 'use_rslora is honoured; false: it is ignored' }),
      },
      { additionalProperties: false },
    ),
    patterns: choice(['read', 'ignored', 'refused'], {
      description: 'What happens to rank_pattern and alpha_pattern that change a value',
    }),
    dtypes: Type.Array(choice(['float32', 'float16', 'bfloat16']), {
      minItems: 1,
      description: 'dtypes of the factors',
    }),
    module_kinds: Type.Array(choice(['linear', 'conv', 'embedding'])),
    target_modules: nullable(Type.Array(Type.String()), {
      description: 'Last parts of module paths; null: those of the model',
    }),
    tensor_names: choice(['peft', 'suffix', 'any'], {
      description:
        'peft: base_model.model.<path>.lora_A.weight; suffix: the prefix may lack; any: no rule is known',
    }),
    required_config: Type.Array(
      Type.Object(
        {
          field: Type.String(),
          values: nullable(Type.Array(Type.String()), {
            description: 'What it may be; null: anything but null',
          }),
        },
        { additionalProperties: false },
      ),
      { description: 'Fields that adapter_config.json has to have' },
    ),
    lacks: Type.Array(
      Type.Object(
        {
          feature: ProfileFeature,
          effect: choice(['refused', 'ignored'], {
            description: 'refused: the adapter does not load; ignored: it loads and does something else',
          }),
          detail: Type.String(),
        },
        { additionalProperties: false },
      ),
      { description: 'Features that do not work there' },
    ),
    files: Type.Array(Type.String(), { description: 'File names it looks for' }),
    weights_bytes_below: nullable(Type.Integer({ minimum: 1 }), {
      description: 'The weights file has to be smaller',
    }),
    notes: Type.Array(Type.String()),
  },
  { $id: 'Profile', additionalProperties: false, description: 'A place where adapters are loaded' },
);
export type ServingProfile = Static<typeof ServingProfile>;

/** One rule of a profile, applied to a result. */
export const RuleVerdict = Type.Object(
  {
    rule: Type.String({ description: 'Stable name of the rule, e.g. "max-rank"' }),
    passed: Type.Boolean(),
    detail: Type.String({ description: 'What was found and what is allowed; where it failed, what to do' }),
  },
  { $id: 'RuleVerdict', additionalProperties: false },
);
export type RuleVerdict = Static<typeof RuleVerdict>;

/** Whether an adapter loads in the place a profile describes. */
export const Verdict = Type.Object(
  {
    profile: Type.String(),
    loads: Type.Boolean({ description: 'Every rule passed' }),
    rules: Type.Array(RuleVerdict),
  },
  { $id: 'Verdict', additionalProperties: false },
);
export type Verdict = Static<typeof Verdict>;
