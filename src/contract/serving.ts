import { type Static, Type } from 'typebox';

/** One rule of a profile, applied to a result. */
export const RuleVerdict = Type.Object(
  {
    rule: Type.String({ description: 'Stable name of the rule, e.g. "max-rank"' }),
    passed: Type.Boolean(),
    detail: Type.String({ description: 'What was found and what is allowed' }),
  },
  { additionalProperties: false },
);
export type RuleVerdict = Static<typeof RuleVerdict>;

/** Whether an adapter loads in the place a profile describes. */
export const Verdict = Type.Object(
  {
    profile: Type.String(),
    loads: Type.Boolean({ description: 'Every rule passed' }),
    rules: Type.Array(RuleVerdict),
  },
  { additionalProperties: false },
);
export type Verdict = Static<typeof Verdict>;
