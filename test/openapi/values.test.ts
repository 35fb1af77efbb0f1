import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';

type Node = Readonly<Record<string, unknown>>;

/** The place of a schema in the contract, as a JSON pointer, and a value that it shows. */
interface Shown {
  readonly pointer: string;
  readonly keyword: 'default' | 'example' | 'examples' | 'prefixItems';
  readonly value: unknown;
}

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null;
const escaped = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1');

/** Every default and example beside a schema. Names of properties are not keywords. */
function* shownIn(value: unknown, pointer = '', isNames = false): Generator<Shown> {
  if (!isNode(value)) return;
  if (!isNames && !Array.isArray(value)) {
    if ('default' in value) yield { pointer, keyword: 'default', value: value.default };
    if ('prefixItems' in value) yield { pointer, keyword: 'prefixItems', value: value.prefixItems };
    if (Array.isArray(value.examples))
      for (const example of value.examples) yield { pointer, keyword: 'examples', value: example };
    // Beside a schema (a parameter, a media type), or inside one.
    const at = isNode(value.schema) ? `${pointer}/schema` : pointer;
    if ('example' in value) yield { pointer: at, keyword: 'example', value: value.example };
    if (isNode(value.examples) && !Array.isArray(value.examples))
      for (const one of Object.values(value.examples))
        if (isNode(one) && 'value' in one) yield { pointer: at, keyword: 'examples', value: one.value };
  }
  for (const [key, child] of Object.entries(value)) {
    if (!isNames && ['default', 'example', 'examples', 'const', 'enum'].includes(key)) continue;
    yield* shownIn(
      child,
      `${pointer}/${escaped(key)}`,
      !isNames && (key === 'properties' || key === 'responses'),
    );
  }
}

describe('the values in the contract', () => {
  let contract: Node;
  let shown: Shown[];
  before(() => {
    contract = parse(readFileSync(new URL('../../openapi.yaml', import.meta.url), 'utf8')) as Node;
    shown = [...shownIn(contract)];
  });

  it('obey the schemas in which they occur, as defaults and examples', () => {
    const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
    ajv.addSchema(contract, 'contract');
    const values = shown.filter(({ keyword }) => keyword !== 'prefixItems');
    assert.ok(values.some(({ pointer }) => pointer === '/components/schemas/KeyRequest/properties/name'));
    assert.ok(values.length > 100, `only ${values.length} found`);
    const wrong = values.flatMap(({ pointer, keyword, value }) => {
      const validate = ajv.compile({ $ref: `contract#${encodeURI(pointer)}` });
      return validate(value) ? [] : [`${pointer} ${keyword}: ${ajv.errorsText(validate.errors)}`];
    });
    assert.deepEqual(wrong, []);
  });

  it('do not include tuples by prefixItems, which gateways refuse', () => {
    assert.deepEqual(
      shown.filter(({ keyword }) => keyword === 'prefixItems'),
      [],
    );
  });
});
