/**
 * Names in a card come from files and may contain anything. This is a YAML scalar in double quotes; JSON strings are
 * valid ones (YAML 1.2.2, 7.3.1), except for other kinds of line breaks, which JSON leaves as they are.
 */
export const yamlString = (text: string): string =>
  JSON.stringify(text).replace(/[\u007f-\u009f\u2028\u2029\ufeff]/g, escaped);

/** Text inside a Markdown paragraph, list or table: on one line, with all markup and HTML escaped. */
export const markdownText = (text: string): string =>
  text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ')
    .replace(/[\\`*_{}[\]<>()#+!|~&$:@]/g, (mark) =>
      mark === ':' || mark === '@' ? entity(mark) : `\\${mark}`,
    );

/** Text inside a block of code: on one line, and without the mark that ends the block. */
export const plainText = (text: string): string =>
  text.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ').replaceAll('`', 'ˋ');

/** A name as inline code, also in a table. Markup has no effect in it, except "|" and "`", which are replaced. */
export const markdownCode = (text: string): string =>
  `\`${plainText(text).replaceAll('|', '¦').trim() || '-'}\``;

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** A character as an entity: it breaks up "https://…" and "name@…", which would otherwise become links. */
const entity = (mark: string): string => `&#${mark.charCodeAt(0)};`;
