import assert from 'node:assert/strict';

const VOID = new Set(['meta', 'link', 'br']);
const TAG = /<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w:-]+(?:="[^"<>]*")?)*)\s*>/y;
const ATTRIBUTE = /([\w:-]+)(?:="([^"]*)")?/g;

export interface Element {
  readonly tag: string;
  readonly attributes: ReadonlyMap<string, string>;
}

/**
 * The elements of a page, which must be well-formed: every element is closed, attributes are quoted, and no
 * other text begins with "<". Stricter than HTML, so that markup in a wrong place is found.
 */
export function elementsOf(page: string): Element[] {
  const elements: Element[] = [];
  const open: string[] = [];
  const text = page.replace(/^<!doctype html>/, '').replace(/(<style>)[\s\S]*?(?=<\/style>)/, '$1');
  for (let at = text.indexOf('<'); at !== -1; at = text.indexOf('<', TAG.lastIndex)) {
    TAG.lastIndex = at;
    const found = TAG.exec(text);
    assert.ok(found, `not a tag: ${JSON.stringify(text.slice(at, at + 120))}`);
    const [, slash, tag, attributes] = found as unknown as [string, string, string, string];
    if (slash) assert.equal(open.pop(), tag);
    else {
      elements.push({ tag, attributes: attributesOf(attributes) });
      if (!VOID.has(tag)) open.push(tag);
    }
  }
  assert.deepEqual(open, []);
  return elements;
}

function attributesOf(text: string): Map<string, string> {
  const found = [...text.matchAll(ATTRIBUTE)].map(([, name, value]): [string, string] => [
    name!,
    value ?? '',
  ]);
  const attributes = new Map(found);
  assert.equal(attributes.size, found.length, `an attribute twice: ${text}`);
  return attributes;
}

/** What an element would load or run, according to HTML and SVG. */
export function assertSelfContained(page: string): void {
  const elements = elementsOf(page);
  const tags = new Set(elements.map(({ tag }) => tag));
  for (const tag of [
    'script',
    'img',
    'iframe',
    'object',
    'embed',
    'form',
    'base',
    'image',
    'use',
    'foreignObject',
  ])
    assert.ok(!tags.has(tag), tag);
  for (const { tag, attributes } of elements) {
    for (const [name, value] of attributes) {
      assert.ok(!/^on/i.test(name), `${tag} ${name}`);
      if (name === 'style') assert.fail(`a style attribute: ${value}`);
      if (name.startsWith('xmlns')) continue;
      // A digest may contain two slashes in a row.
      const links = value.replace(/'sha256-[\w+/=]+'/g, '');
      assert.ok(!/(?:https?:)?\/\/|javascript:/i.test(links), `${tag} ${name}="${value}"`);
      if (name === 'href') assert.match(value, /^(?:data:,|\/v1\/jobs\/[\w]+\/report)$/);
    }
  }
  const style = /<style>([\s\S]*?)<\/style>/.exec(page)![1]!;
  assert.ok(!/@import|url\(|https?:/.test(style));
  const ids = elements.flatMap(({ attributes }) => attributes.get('id') ?? []);
  assert.equal(new Set(ids).size, ids.length, 'ids are unique');
  for (const { attributes } of elements) {
    for (const id of [attributes.get('aria-labelledby') ?? []].flat()) assert.ok(ids.includes(id), id);
    const clip = /^url\(#(.+)\)$/.exec(attributes.get('clip-path') ?? '')?.[1];
    if (clip) assert.ok(ids.includes(clip), clip);
  }
}

/** The text of a page as a reader sees it. */
export const textOf = (page: string): string =>
  page
    .replace(/<style>[\s\S]*?<\/style>/g, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(
      /&(lt|gt|quot|#39|amp);/g,
      (_, name: string) => ({ lt: '<', gt: '>', quot: '"', '#39': "'", amp: '&' })[name]!,
    )
    .replace(/[\s\u00a0]+/g, ' ');
