import { type Static, Type } from 'typebox';

/** What a target may say besides its rank policy. */
const shared = {
  uniform: Type.Optional(
    Type.Boolean({
      default: true,
      description:
        'One rank for all modules (what most servers need). false lets each module have its own rank, written as rank_pattern.',
    }),
  ),
  scale: Type.Optional(
    Type.Union([Type.Literal('fold'), Type.Literal('keep')], {
      default: 'fold',
      description:
        'fold: the scale goes into the factors and lora_alpha becomes the rank. keep: the scale stays, lora_alpha follows the rank.',
    }),
  ),
  dtype: Type.Optional(
    Type.Union(
      [Type.Literal('match'), Type.Literal('float32'), Type.Literal('float16'), Type.Literal('bfloat16')],
      { default: 'match', description: 'dtype of the written factors; match keeps that of the source' },
    ),
  ),
};

export const RankTarget = Type.Object(
  { rank: Type.Integer({ minimum: 1, maximum: 65536, description: 'The rank to reach' }), ...shared },
  { additionalProperties: false },
);

export const EnergyTarget = Type.Object(
  {
    energy: Type.Number({
      exclusiveMinimum: 0,
      maximum: 1,
      description: 'The smallest rank at which every module keeps this share of Σσ²',
    }),
    ...shared,
  },
  { additionalProperties: false },
);

/** One thing to produce: a rank policy with how to write its result. */
export const Target = Type.Union([RankTarget, EnergyTarget], {
  description: 'Exactly one of `rank` and `energy`, with how to write the result',
});
export type Target = Static<typeof Target>;
