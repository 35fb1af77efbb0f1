import { type Static, Type } from 'typebox';
import { Labels, TtlSeconds } from './labels.ts';

/** A name with places to be filled in, and what may stand in its braces. */
function nameTemplate(placeholders: readonly string[], description: string, example: string) {
  const pattern = `^(?:[^{}\\u0000-\\u001f\\u007f]|\\{(?:${placeholders.join('|')})\\})*$`;
  const schema = Type.String({ minLength: 1, maxLength: 200, pattern, description, examples: [example] });
  return { placeholders, pattern, schema };
}

const OF_RESULT = nameTemplate(
  ['source', 'rank', 'target'],
  '`{source}`: the name of the adapter it was made of (of a sum `first+1`, the first name and how many more); ' +
    '`{rank}`: its rank, or the smallest and the largest as `4-16`; `{target}`: which of the targets, 0 is the first. ' +
    'What becomes longer than 200 characters is cut, the name of the source first. Default: `{source}-r{rank}`.',
  'support-chat-r{rank}',
);
const OF_IMPORT = nameTemplate(
  ['source', 'rank'],
  '`{source}`: what it would be called by where it was fetched from; `{rank}`: its rank, or the smallest and the largest ' +
    'as `4-16`. What becomes longer than 200 characters is cut, `{source}` first. Default: `{source}`.',
  'hub/{source}',
);
/** What names are made from, for who has to say what is wrong with one. */
export const NAME_TEMPLATES: readonly {
  readonly pattern: string;
  readonly placeholders: readonly string[];
}[] = [OF_RESULT, OF_IMPORT];

/** What the adapters are called that jobs make, and how long they live. Says nothing of what is done. */
export const ResultSettings = Type.Object(
  {
    name: Type.Optional(OF_RESULT.schema),
    labels: Type.Optional(Labels),
    ttl_seconds: Type.Optional(TtlSeconds),
  },
  {
    $id: 'ResultSettings',
    additionalProperties: false,
    description:
      'What result adapters are called and how long they live. A target, its job and its batch or run may say it: each ' +
      'field counts where it stands closest to the result, and `labels` are one field, so those of a target take the place ' +
      'of all that its job says.',
  },
);
export type ResultSettings = Static<typeof ResultSettings>;

/** The same for an adapter that a job only fetches. */
export const ImportSettings = Type.Object(
  {
    name: Type.Optional(OF_IMPORT.schema),
    labels: Type.Optional(Labels),
    ttl_seconds: Type.Optional(TtlSeconds),
  },
  {
    $id: 'ImportSettings',
    additionalProperties: false,
    description: 'What the fetched adapter is called and how long it lives',
  },
);
export type ImportSettings = Static<typeof ImportSettings>;
