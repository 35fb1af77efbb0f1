import { type Static, Type } from 'typebox';
import { FormatNameSchema } from './adapter.ts';
import { choice, nullable } from './choice.ts';

/** The documentation from which the facts of a profile were taken. */
export const ProfileSource = Type.Object(
  {
    what: Type.String({ description: 'What was read at `url`' }),
    version: Type.String({ description: 'Release, commit or date of the version that was read' }),
    url: Type.String(),
  },
  { $id: 'ProfileSource', additionalProperties: false },
);

/** Parts of an adapter besides pairs of factors. */
export const ProfileFeature = choice(['dora', 'modules-to-save', 'bias', 'lora-bias']);
export type ProfileFeature = Static<typeof ProfileFeature>;

/** A server that loads adapters, described as data: what it accepts and how it interprets it. */
export const ServingProfile = Type.Object(
  {
    name: Type.String({ description: 'The name of the profile in targets', examples: ['vllm'] }),
    title: Type.String(),
    formats: Type.Array(FormatNameSchema, { minItems: 1, description: 'Formats that the server loads' }),
    sources: Type.Array(ProfileSource, { minItems: 1 }),
    max_rank: Type.Object(
      {
        default: nullable(Type.Integer({ minimum: 1 }), {
          description: 'The largest rank with default settings; null: no limit',
        }),
        largest: nullable(Type.Integer({ minimum: 1 }), {
          description: 'The largest rank that can be set; null: no limit',
        }),
        steps: nullable(Type.Array(Type.Integer({ minimum: 1 })), {
          description: 'Values that the setting accepts; null: any',
        }),
        setting: nullable(Type.String(), { description: 'Name of the setting; null: there is none' }),
      },
      { additionalProperties: false, description: 'The value of the setting is the `max_rank` of a target' },
    ),
    min_rank: Type.Integer({ minimum: 1 }),
    allowed_ranks: nullable(
      Type.Object(
        {
          ranks: Type.Array(Type.Integer({ minimum: 1 }), { minItems: 1, description: 'Ascending' }),
          reason: Type.String({ description: 'What happens to other ranks' }),
        },
        { additionalProperties: false },
      ),
      { description: 'The ranks that work; null: all' },
    ),
    same_rank: choice(['none', 'experts', 'all'], {
      description: 'Which modules must share a rank: none; those that differ only in the expert; all',
    }),
    scale: Type.Object(
      {
        formula: choice(['module', 'config', 'tensor-rank', 'unstated'], {
          description:
            'How the scaling of a module is computed: module: from its own alpha and rank, as in PEFT; config: from ' +
            'lora_alpha and r for all; tensor-rank: from lora_alpha for all and the rank of the tensors; unstated: ' +
            'only a scaling of 1 is safe',
        }),
        rslora: Type.Boolean({ description: 'Whether use_rslora is honoured; false: it is ignored' }),
      },
      { additionalProperties: false },
    ),
    patterns: choice(['read', 'ignored', 'refused'], {
      description: 'What happens to a rank_pattern or alpha_pattern that changes a value',
    }),
    dtypes: Type.Array(choice(['float32', 'float16', 'bfloat16']), {
      minItems: 1,
      description: 'dtypes of the factors',
    }),
    module_kinds: Type.Array(choice(['linear', 'conv', 'embedding'])),
    target_modules: nullable(Type.Array(Type.String()), {
      description: 'Last parts of supported module paths; null: no rule is known',
    }),
    tensor_names: choice(['peft', 'suffix', 'any'], {
      description:
        'peft: base_model.model.<path>.lora_A.weight; suffix: the same, but the prefix may be missing; ' +
        'any: no rule is known',
    }),
    required_config: Type.Array(
      Type.Object(
        {
          field: Type.String(),
          values: nullable(Type.Array(Type.String()), {
            description: 'Accepted values; null: any value except null',
          }),
        },
        { additionalProperties: false },
      ),
      { description: 'Fields that adapter_config.json must have' },
    ),
    lacks: Type.Array(
      Type.Object(
        {
          feature: ProfileFeature,
          effect: choice(['refused', 'ignored'], {
            description:
              'refused: the adapter does not load; ignored: it loads, but its outputs are different',
          }),
          detail: Type.String(),
        },
        { additionalProperties: false },
      ),
      { description: 'Features of adapters that the server does not support' },
    ),
    files: Type.Array(Type.String(), { description: 'File names that the server expects; empty: any' }),
    weights_bytes_below: nullable(Type.Integer({ minimum: 1 }), {
      description: 'The weights file must be smaller than this',
    }),
    notes: Type.Array(Type.String()),
  },
  {
    $id: 'Profile',
    additionalProperties: false,
    description: 'A server that loads adapters, with its rules',
  },
);
export type ServingProfile = Static<typeof ServingProfile>;

/** The verdict of one rule of a profile on a result. */
export const RuleVerdict = Type.Object(
  {
    rule: Type.String({ description: 'Stable name of the rule, e.g. "max-rank"' }),
    passed: Type.Boolean(),
    detail: Type.String({
      description: 'What was found and what is allowed; if the rule failed, what to do',
    }),
  },
  { $id: 'RuleVerdict', additionalProperties: false },
);
export type RuleVerdict = Static<typeof RuleVerdict>;

/** Whether the server that a profile describes can load an adapter. */
export const Verdict = Type.Object(
  {
    profile: Type.String(),
    loads: Type.Boolean({ description: 'Whether every rule passed' }),
    rules: Type.Array(RuleVerdict),
  },
  { $id: 'Verdict', additionalProperties: false },
);
export type Verdict = Static<typeof Verdict>;
