import { LABEL_FILTER, LABEL_NAME, LABEL_NAME_RULE } from '../contract/labels.ts';

/** What is wrong with the name of a label. @returns undefined: the names of a schema are not those of labels */
export const labelNameFault = (patterns: object | undefined): string | undefined =>
  patterns && LABEL_NAME in patterns ? LABEL_NAME_RULE : undefined;

/** What is wrong with a label to look for, as what follows the place. @returns undefined: the pattern is another one */
export const labelFilterFault = (pattern: unknown): string | undefined =>
  pattern === LABEL_FILTER
    ? `must be the name of a label, a colon and its text of at most 128 characters; ${LABEL_NAME_RULE}`
    : undefined;
