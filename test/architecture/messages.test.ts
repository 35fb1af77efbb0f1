import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseAst } from 'vite';

const SOURCE = join(import.meta.dirname, '../../src');

interface Node {
  readonly type?: string;
  readonly value?: unknown;
  readonly [field: string]: unknown;
}

/** The first and the last text that a message consists of; '' for a value that is computed elsewhere. */
function edgesOf(node: Node): (readonly [start: string, end: string])[] {
  switch (node.type) {
    case 'Literal':
      return [[String(node.value), String(node.value)]];
    case 'TemplateLiteral': {
      const texts = (node.quasis as { value: { cooked: string } }[]).map(({ value }) => value.cooked);
      return [[texts[0]!, texts.at(-1)!]];
    }
    case 'BinaryExpression':
      return edgesOf(node.left as Node).flatMap(([start]) =>
        edgesOf(node.right as Node).map(([, end]) => [start, end] as const),
      );
    case 'ConditionalExpression':
      return [...edgesOf(node.consequent as Node), ...edgesOf(node.alternate as Node)];
    default:
      return [['', '']];
  }
}

/** A sentence may begin with the name of a field or a file, but not with any other word in lower case. */
const NAME = /^(?:[a-z]+[_.[]|(?:after|weights) )/;

/** What is wrong with the messages of AppErrors in a source. */
function faults(path: string, text: string): string[] {
  const found: string[] = [];
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    if (Array.isArray(node)) {
      for (const one of node) visit(one);
      return;
    }
    const { type, callee, arguments: given } = node as { type?: string; callee?: Node; arguments?: Node[] };
    if (type === 'NewExpression' && callee?.name === 'AppError' && given?.[1])
      for (const [start, end] of edgesOf(given[1])) {
        if (/^[a-z]/.test(start) && !NAME.test(start)) found.push(`${path}: begins in lower case: ${start}`);
        if (end !== '' && !/[.!?]$/.test(end)) found.push(`${path}: has no full stop: ${end}`);
      }
    for (const one of Object.values(node)) visit(one);
  };
  visit(parseAst(text, { lang: 'ts' }, path).body);
  return found;
}

describe('messages of errors', () => {
  it('are sentences', () => {
    const paths = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter((p) => p.endsWith('.ts'));
    assert.deepEqual(
      paths.flatMap((path) => faults(path, readFileSync(join(SOURCE, path), 'utf8'))),
      [],
    );
  });

  it('are refused if they are fragments', () => {
    const source = (message: string): string => `throw new AppError('CODE', ${message});`;
    assert.equal(faults('a.ts', source("'tensor is wrong'")).length, 2);
    assert.equal(faults('a.ts', source("'Tensor ' + name + ' is wrong'")).length, 1);
    assert.deepEqual(faults('a.ts', source("'adapter_config.json is wrong.'")), []);
  });
});
