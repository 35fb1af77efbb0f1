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
