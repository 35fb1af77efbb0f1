import { NAME_TEMPLATES } from '../contract/result-settings.ts';

const MAX_SHOWN = 40;
const PLACEHOLDER = /\{([^{}]*)\}/g;

/**
 * What is wrong with the name that results are to have.
 * @param pattern the one that it does not match
 * @returns what follows the place; undefined: the pattern is not one of these names
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
