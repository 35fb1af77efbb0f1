import { Type } from 'typebox';

/** The name of a connection in paths and in requests for jobs. */
export const ConnectionName = Type.String({
  pattern: '^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$',
  maxLength: 64,
  description: 'Name of a connection: lower-case letters, digits and hyphens, no hyphen at either end',
  examples: ['models'],
});
