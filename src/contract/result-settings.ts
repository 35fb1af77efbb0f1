import { type Static, Type } from 'typebox';
import { Labels, TtlSeconds } from './labels.ts';

/** A name with placeholders in braces. */
function nameTemplate(placeholders: readonly string[], description: string, example: string) {
  const pattern = `^(?:[^{}\\u0000-\\u001f\\u007f]|\\{(?:${placeholders.join('|')})\\})*$`;
  const schema = Type.String({ minLength: 1, maxLength: 200, pattern, description, examples: [example] });
  return { placeholders, pattern, schema };
}

const OF_RESULT = nameTemplate(
  ['source', 'rank', 'target'],
  '`{source}`: the name of its source (for a sum `first+1`: the first name and the number of others); ' +
    '`{rank}`: its rank, or the smallest and the largest as `4-16`; `{target}`: the position of the target, ' +
    'from 0. Names longer than 200 characters are shortened, the name of the source first. Default: ' +
    '`{source}-r{rank}`.',
  'support-chat-r{rank}',
);
const OF_IMPORT = nameTemplate(
  ['source', 'rank'],
  '`{source}`: the default name of a fetched adapter; `{rank}`: its rank, or the smallest and the largest ' +
    'as `4-16`. Names longer than 200 characters are shortened, `{source}` first. Default: `{source}`.',
  'hub/{source}',
);
/** The rules for name templates, from which error messages are built. */
export const NAME_TEMPLATES: readonly {
  readonly pattern: string;
  readonly placeholders: readonly string[];
}[] = [OF_RESULT, OF_IMPORT];

/** Names and times to live of the adapters that a job creates. They do not affect the work. */
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
      'Names, labels and times to live of results. A target, its job, and its batch or run may have them. Each ' +
      'field is taken from the level closest to the result; `labels` counts as one field, so the labels of a ' +
      'target replace all those of its job.',
  },
);
export type ResultSettings = Static<typeof ResultSettings>;

/** The same for an adapter that a job only imports. */
export const ImportSettings = Type.Object(
  {
    name: Type.Optional(OF_IMPORT.schema),
    labels: Type.Optional(Labels),
    ttl_seconds: Type.Optional(TtlSeconds),
  },
  {
    $id: 'ImportSettings',
    additionalProperties: false,
    description: 'Name, labels and time to live of the fetched adapter',
  },
);
export type ImportSettings = Static<typeof ImportSettings>;
