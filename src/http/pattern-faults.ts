import { LABEL_FILTER, LABEL_NAME, LABEL_NAME_RULE } from '../contract/labels.ts';
import { NAME_TEMPLATES } from '../contract/result-settings.ts';

const MAX_SHOWN = 40;
const PLACEHOLDER = /\{([^{}]*)\}/g;

/**
 * Describes what is wrong with the template of a result's name.
 * @param pattern the pattern of the schema that the template does not match
 * @returns the sentence without its subject; undefined if the pattern is not that of a name template
 */
export function nameTemplateFault(text: string, pattern: unknown): string | undefined {
  const template = NAME_TEMPLATES.find((one) => one.pattern === pattern);
  if (!template) return undefined;
  const { placeholders } = template;
  const unknown = [...text.matchAll(PLACEHOLDER)].find(([, name]) => !placeholders.includes(name!));
  if (unknown) {
    const known = placeholders.map((name) => `{${name}}`).join(', ');
    return `has the placeholder ${JSON.stringify(unknown[0].slice(0, MAX_SHOWN))}; the placeholders are ${known}`;
  }
  const isUnbalanced = /[{}]/.test(text.replace(PLACEHOLDER, ''));
  return isUnbalanced ? 'has an unmatched brace' : 'must not contain control characters';
}

/** Describes what is wrong with the name of a label. @returns undefined if the patterns are not those of label names */
export const labelNameFault = (patterns: object | undefined): string | undefined =>
  patterns && LABEL_NAME in patterns ? LABEL_NAME_RULE : undefined;

/** Describes what is wrong with a label filter, without its subject. @returns undefined if the pattern is another one */
export const labelFilterFault = (pattern: unknown): string | undefined =>
  pattern === LABEL_FILTER
    ? `must be the name of a label, a colon and its value of at most 128 characters; ${LABEL_NAME_RULE}`
    : undefined;
