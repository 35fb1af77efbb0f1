import { type Static, Type } from 'typebox';
import { choice } from './choice.ts';
import { Target } from './target.ts';

/** The spectrum of one module, summarised. */
export const ModuleAnalysis = Type.Object(
  {
    name: Type.String(),
    effective_rank: Type.Number({
      description:
        'exp of the entropy of σ/Σσ (Roy & Vetterli 2007): the number of directions that the module really uses',
    }),
    stable_rank: Type.Number({ description: 'Σσ² / σ₁²' }),
    knee: Type.Integer({ description: 'The rank where the spectrum bends' }),
    verdict: choice(['compressible', 'resists', 'dead'], {
      description:
        'dead: the update is zero or almost zero. resists: no rank much below that of the module keeps ' +
        'its energy. compressible: all others',
    }),
  },
  { $id: 'ModuleAnalysis', additionalProperties: false },
);
export type ModuleAnalysis = Static<typeof ModuleAnalysis>;

/** The whole adapter at one uniform rank. */
export const RankPoint = Type.Object(
  {
    rank: Type.Integer(),
    relative_error: Type.Number({ description: 'Smallest possible error over all modules' }),
    module_relative_error: Type.Optional(
      Type.Number({
        description:
          'Smallest possible mean module error, as in the results of a job; absent in older analyses',
      }),
    ),
    worst_module_error: Type.Number({ description: 'Smallest possible error of the worst module' }),
    parameters: Type.Integer(),
    bytes: Type.Integer({ description: 'Size of the factors in the dtypes of the source' }),
  },
  { $id: 'RankPoint', additionalProperties: false },
);
export type RankPoint = Static<typeof RankPoint>;

export const Recommendation = Type.Object(
  {
    target: Target,
    rank: Type.Object({ min: Type.Integer(), max: Type.Integer() }, { additionalProperties: false }),
    relative_error: Type.Number(),
    module_relative_error: Type.Optional(
      Type.Number({
        description: 'As in `curve`; compare those of `uniform` and `budget`, which have the same size',
      }),
    ),
    parameters: Type.Integer(),
    bytes: Type.Integer(),
    reason: Type.String(),
  },
  { $id: 'Recommendation', additionalProperties: false },
);
export type Recommendation = Static<typeof Recommendation>;

export const Analysis = Type.Object(
  {
    curve: Type.Array(RankPoint, {
      description: 'One point for every uniform rank, from 1 to the largest rank of the source',
    }),
    uniform: Recommendation,
    budget: Recommendation,
    modules: Type.Array(ModuleAnalysis),
  },
  { $id: 'Analysis', additionalProperties: false },
);
export type Analysis = Static<typeof Analysis>;
