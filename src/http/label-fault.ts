import { LABEL_FILTER, LABEL_NAME, LABEL_NAME_RULE } from '../contract/labels.ts';

/** Describes what is wrong with the name of a label. @returns undefined if the patterns are not those of label names */
export const labelNameFault = (patterns: object | undefined): string | undefined =>
  patterns && LABEL_NAME in patterns ? LABEL_NAME_RULE : undefined;

/** Describes what is wrong with a label filter, without its subject. @returns undefined if the pattern is another one */
export const labelFilterFault = (pattern: unknown): string | undefined =>
  pattern === LABEL_FILTER
    ? `must be the name of a label, a colon and its text of at most 128 characters; ${LABEL_NAME_RULE}`
    : undefined;
