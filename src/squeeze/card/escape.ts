/**
 * Names in a card come from files, and may hold anything. A scalar of YAML in double quotes: JSON's strings are such
 * (YAML 1.2.2, 7.3.1), apart from line breaks of other kinds, which JSON leaves as they are.
 */
export const yamlString = (text: string): string =>
  JSON.stringify(text).replace(/[\u007f-\u009f\u2028\u2029\ufeff]/g, escaped);

/** Text inside a paragraph, a list or a table of Markdown: on one line, and nothing of it is markup or HTML. */
export const markdownText = (text: string): string =>
  text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ')
    .replace(/[\\`*_{}[\]<>()#+!|~&$:@]/g, (mark) =>
      mark === ':' || mark === '@' ? entity(mark) : `\\${mark}`,
    );

/** A name as code, in a table too; its marks mean nothing there, but for "|" and "`", which become others. */
export const markdownCode = (text: string): string =>
  `\`${
    text
      .replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ')
      .replaceAll('`', 'ˋ')
      .replaceAll('|', '¦')
      .trim() || '-'
  }\``;

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** "https://…" and "name@…" become links by themselves where they are not broken up. */
const entity = (mark: string): string => `&#${mark.charCodeAt(0)};`;
