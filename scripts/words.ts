import { parseAst } from 'vite';

export interface Occurrence {
  readonly path: string;
  /** Counted from 1. */
  readonly line: number;
  /** As in the text, in lower case and with single spaces. */
  readonly phrase: string;
  /** The line that contains it, shortened. */
  readonly text: string;
}

const MAX_SHOWN = 120;

/** Files that consist of text for users and are read as a whole. */
const WHOLE = [
  /^(docs|deploy|examples|clients)\/.*\.(md|ya?ml|json|sh|mjs|py)$/,
  /^web\/.*\.html$/,
  /^(README|SECURITY|CONTRIBUTING|CHANGELOG)\.md$/,
  /^(openapi|docker-compose)\.ya?ml$/,
  /^quickstart\.sh$|^run-tests\.sh$|^scripts\/setup\.sh$/,
];
/** Source files, of which users see only the strings: messages, help, descriptions, labels. */
const SOURCES = [/^src\/.*\.ts$/, /^web\/src\/.*\.tsx?$/];
/**
 * Excluded: the glossary itself, adapters, which are data, and the generated Python types, whose texts are checked at
 * their source.
 */
const NOT = [/^docs\/glossary\.md$/, /^examples\/adapters\//, /^clients\/python\/.*\/contract\.py$/];

/** Those of `paths`, relative to the repository, whose texts users see. */
export function publicTexts(paths: readonly string[]): string[] {
  const isOf = (patterns: readonly RegExp[], path: string): boolean =>
    patterns.some((pattern) => pattern.test(path));
  return paths.filter((path) => !isOf(NOT, path) && (isOf(WHOLE, path) || isOf(SOURCES, path)));
}

/**
 * The phrases that the glossary, a Markdown text, asks not to use: what is in backticks in the last column of its
 * tables with three columns, and in the first column of its tables with two.
 * @throws Error if it contains none, because then its form has changed
 */
export function phrasesOf(glossary: string): RegExp[] {
  const texts = glossary.split('\n').flatMap((line) => {
    if (!line.startsWith('|')) return [];
    const cells = cellsOf(line);
    const cell = cells.length === 3 ? cells[2]! : cells[0]!;
    return cells.length === 3 || cells.length === 2
      ? [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text!)
      : [];
  });
  if (texts.length === 0) throw new Error('docs/glossary.md names no word that must not be used.');
  return [...new Set(texts)].map(patternOf);
}

/** The cells of a row; bars inside `code` do not separate cells. */
const cellsOf = (row: string): string[] =>
  [...row.slice(1).matchAll(/((?:`[^`]*`|[^|`])*)\|/g)].map(([, cell]) => cell!);

/** A space in a phrase also matches a line break. Case matters only if the phrase has upper-case letters. */
function patternOf(text: string): RegExp {
  if (text.startsWith('/')) return new RegExp(text.slice(1, -1), 'giu');
  const escaped = text
    .replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replaceAll('…', '\\p{L}*')
    .replaceAll(' ', '\\s+');
  const isWordAtEnd = /[\p{L}…]$/u.test(text);
  return new RegExp(
    `(?<![\\p{L}_])${escaped}${isWordAtEnd ? '(?![\\p{L}_])' : ''}`,
    /\p{Lu}/u.test(text) ? 'gu' : 'giu',
  );
}

/** The places where one of the phrases occurs in the text of a file, or in the strings of a source. */
export function occurrences(path: string, text: string, phrases: readonly RegExp[]): Occurrence[] {
  const visible = SOURCES.some((pattern) => pattern.test(path))
    ? stringsOf(path, text)
    : [{ start: 0, text }];
  return visible.flatMap((part) =>
    phrases.flatMap((pattern) =>
      [...part.text.matchAll(pattern)].map((match) => {
        const at = part.start + match.index;
        const end = text.indexOf('\n', at);
        const line = text.slice(text.lastIndexOf('\n', at - 1) + 1, end === -1 ? undefined : end).trim();
        return {
          path,
          line: text.slice(0, at).split('\n').length,
          phrase: match[0].toLowerCase().replaceAll(/\s+/g, ' '),
          text: line.slice(0, MAX_SHOWN),
        };
      }),
    ),
  );
}

interface Part {
  readonly start: number;
  readonly text: string;
}

/** String literals, parts of template literals and JSX texts, exactly as written in a source. */
function stringsOf(path: string, source: string): Part[] {
  const parts: Part[] = [];
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    if (Array.isArray(node)) {
      for (const child of node) visit(child);
      return;
    }
    const { type, start, end, value } = node as {
      type?: string;
      start: number;
      end: number;
      value?: unknown;
    };
    // An import path is a name, not a text.
    if (type === 'ImportDeclaration') return;
    const isText =
      type === 'TemplateElement' || type === 'JSXText' || (type === 'Literal' && typeof value === 'string');
    if (isText) parts.push({ start, text: source.slice(start, end) });
    else for (const child of Object.values(node)) visit(child);
  };
  visit(parseAst(source, { lang: path.endsWith('.tsx') ? 'tsx' : 'ts' }, path).body);
  return parts;
}
