import type { TSchema } from 'typebox';
import { LINK, readListQuery } from './paging.ts';
import { problems, reference, response } from './schemas.ts';

interface About {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description: string;
}

/**
 * What every list has alike: how its query is read, and what it answers.
 * @param page schema of a page, which the contract has as a component
 */
export const listOptions = <Query extends TSchema>(querystring: Query, page: TSchema, about: About) => ({
  preValidation: readListQuery,
  schema: {
    ...about,
    querystring,
    response: {
      200: response('A page', reference(page), { headers: LINK }),
      ...problems('VALIDATION_FAILED', 'UNKNOWN_OPTION'),
    },
  },
});
