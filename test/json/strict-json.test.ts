import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { JsonError, type JsonErrorReason } from '../../src/json/json-error.ts';
import { quote } from '../../src/json/quote.ts';
import {
  type JsonValue,
  type PlainJsonOptions,
  parsePlainJson,
  parseStrictJson,
  type StrictJsonOptions,
} from '../../src/json/strict-json.ts';
import fc from '../fast-check.ts';

const parse = (text: string, options: Partial<StrictJsonOptions> = {}): JsonValue =>
  parseStrictJson(Buffer.from(text, 'utf8'), { maxDepth: 64, ...options });

function errorOf(text: string | Uint8Array, options: Partial<StrictJsonOptions> = {}): JsonError {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'utf8') : text;
  try {
    parseStrictJson(bytes, { maxDepth: 64, ...options });
  } catch (error) {
    assert.ok(error instanceof JsonError, `a JsonError, not ${String(error)}`);
    return error;
  }
  assert.fail(`accepted ${String(text).slice(0, 60)}`);
}

const reasonOf = (text: string | Uint8Array, options: Partial<StrictJsonOptions> = {}): JsonErrorReason =>
  errorOf(text, options).reason;

/** As JSON.parse reads it, for comparison. */
function plain(value: JsonValue): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [key, plain(item)]));
  return typeof value === 'bigint' ? Number(value) : value;
}

describe('parseStrictJson against JSON.parse', () => {
  it('reads what JSON.stringify writes, whatever the spacing', () => {
    const spacing = fc.constantFrom('', ' ', '\t', '    ');
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6, stringUnit: 'binary' }), spacing, (value, space) => {
        const text = JSON.stringify(value, null, space);
        fc.pre(!/"(?:__proto__|constructor|prototype)":/.test(text));
        assert.deepEqual(plain(parse(` ${text}\r\n`)), JSON.parse(text));
      }),
      { numRuns: 2000 },
    );
  });

  it('accepts nothing that JSON.parse refuses, and reads the rest alike', () => {
    const fragment = fc.constantFrom(
      ...[
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '"',
        '"a"',
        '"b"',
        '\\',
        '\\u00e9',
        '\\ud83d\\ude00',
        '0',
        '-',
        '1',
        '01',
      ],
      ...[
        '.',
        '5',
        'e',
        'E',
        '+',
        '1e3',
        '-0',
        'true',
        'false',
        'null',
        'nul',
        'NaN',
        ' ',
        '\n',
        '\t',
        '\u00a0',
      ],
      ...['\u0001', 'é', '😀', '9007199254740993', '//'],
    );
    let accepted = 0;
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 9 }), (fragments) => {
        const text = fragments.join('');
        let mine: JsonValue;
        try {
          mine = parse(text);
        } catch (error) {
          assert.ok(error instanceof JsonError);
          if (error.reason !== 'syntax') return;
          // a lone surrogate is the only unit of this alphabet that JSON.parse accepts as well
          assert.throws(() => JSON.parse(text), SyntaxError, `refused ${JSON.stringify(text)}`);
          return;
        }
        accepted += 1;
        assert.deepEqual(plain(mine), JSON.parse(text));
      }),
      { numRuns: 20_000 },
    );
    assert.ok(accepted > 200, `only ${accepted} texts were accepted`);
  });

  it('throws JsonError and nothing else, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          parseStrictJson(bytes, { maxDepth: 4 });
        } catch (error) {
          assert.ok(error instanceof JsonError);
        }
      }),
      { numRuns: 5000 },
    );
  });
});

describe('parsePlainJson', () => {
  const plainly = (text: string | Uint8Array, options: Partial<PlainJsonOptions> = {}): unknown =>
    parsePlainJson(Buffer.from(text as string), { maxDepth: 64, ...options });
  const refusal = (text: string | Uint8Array, options: Partial<PlainJsonOptions> = {}): JsonError => {
    try {
      plainly(text, options);
    } catch (error) {
      assert.ok(error instanceof JsonError, String(error));
      return error;
    }
    assert.fail(`accepted ${text}`);
  };

  it('gives the same as JSON.parse', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6, stringUnit: 'binary' }), (value) => {
        const text = JSON.stringify(value);
        fc.pre(!text.includes('"__proto__":'));
        assert.deepEqual(plainly(text, { largeIntegers: 'round' }), JSON.parse(text));
      }),
      { numRuns: 2000 },
    );
  });

  it('reads every number that JSON.stringify writes as the same double', () => {
    const number = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.maxSafeInteger());
    fc.assert(
      fc.property(number, (value) => {
        for (const text of [JSON.stringify(value), JSON.stringify([value, -value])])
          assert.deepEqual(plainly(text, { largeIntegers: 'round' }), JSON.parse(text));
      }),
      { numRuns: 5000 },
    );
  });

  it('refuses the same texts as parseStrictJson, except for keys that mean nothing to plain objects', () => {
    const fragment = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"\\u0061"',
      '"b"',
      '0',
      '01',
      '1.5',
      'true',
    );
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 9 }), (fragments) => {
        const text = fragments.join('');
        const outcome = (read: () => unknown): unknown => {
          try {
            return JSON.stringify(read());
          } catch (error) {
            return (error as Error).message;
          }
        };
        assert.equal(
          outcome(() => plainly(text)),
          outcome(() => plain(parse(text))),
        );
      }),
      { numRuns: 10_000 },
    );
  });

  it('keeps constructor and prototype as own properties, and refuses __proto__ however it is spelled', () => {
    const value = plainly('{"constructor":{"prototype":1},"toString":2}') as object;
    assert.deepEqual(Object.keys(value), ['constructor', 'toString']);
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
    for (const text of ['{"__proto__":{}}', '[{"a":{"\\u005f_proto__":1}}]'])
      assert.equal(refusal(text).reason, 'forbidden-key');
  });

  it('refuses a duplicate key even if plain objects inherit its name', () => {
    assert.deepEqual(plainly('{"valueOf":1}'), { valueOf: 1 });
    assert.equal(refusal('{"valueOf":1,"valueOf":1}').reason, 'duplicate-key');
  });

  it('refuses integers that a double may round, or rounds them on request', () => {
    assert.deepEqual(plainly('[9007199254740991,-9007199254740991,1e300]'), [
      2 ** 53 - 1,
      1 - 2 ** 53,
      1e300,
    ]);
    for (const text of ['[9007199254740992]', '[-9007199254740993]', '[123456789012345678901234567890]']) {
      const { reason, position, path } = refusal(text);
      assert.deepEqual([reason, position, path], ['unsafe-integer', 1, [0]]);
      assert.deepEqual(plainly(text, { largeIntegers: 'round' }), JSON.parse(text));
    }
    assert.equal(refusal(`[${'9'.repeat(1001)}]`, { largeIntegers: 'round' }).reason, 'number-range');
    assert.ok(refusal(`[${'9'.repeat(900)}]`).message.length < 120);
  });

  it('reports where bytes are not UTF-8, in characters', () => {
    for (const [bytes, position] of [
      [[0x22, 0xc3, 0xa4, 0xff, 0x22], 2],
      [[0x22, 0xef, 0xbf, 0xbd, 0xff], 2],
      [[0x80], 0],
      [[0x22, 0xc3], 1],
    ] as const) {
      const error = refusal(Uint8Array.from(bytes));
      assert.deepEqual([error.reason, error.position], ['encoding', position]);
    }
    assert.equal(refusal(Uint8Array.of(0x22, 0xef, 0xbf)).reason, 'encoding');
  });

  it('skips a byte order mark on request', () => {
    assert.deepEqual(plainly('\ufeff{}', { allowBom: true }), {});
    assert.equal(refusal('\ufeff{}').reason, 'syntax');
    assert.equal(refusal('\ufeff\ufeff{}', { allowBom: true }).reason, 'syntax');
  });

  it('reads a megabyte of brackets without recursion', () => {
    assert.equal(refusal('['.repeat(1_000_000)).reason, 'depth');
    assert.equal(refusal('{"a":'.repeat(200_000)).reason, 'depth');
  });
});

describe('parseStrictJson: values', () => {
  it('keeps the order of keys that look like integers', () => {
    const value = parse('{"10":0,"b":0,"2":0,"1":0}');
    assert.ok(value instanceof Map);
    assert.deepEqual([...value.keys()], ['10', 'b', '2', '1']);
  });

  it('gives integers beyond 2^53 as bigint, unrounded', () => {
    assert.equal(parse('9007199254740991'), 9007199254740991);
    assert.equal(parse('9007199254740993'), 9007199254740993n);
    assert.equal(parse('-9007199254740993'), -9007199254740993n);
    assert.equal(parse('18446744073709551615'), 18446744073709551615n);
  });

  it('distinguishes -0 from 0', () => {
    assert.ok(Object.is(parse('-0'), -0));
    assert.ok(Object.is(parse('0'), 0));
  });

  it('gives fractions and exponents as doubles', () => {
    assert.equal(parse('16.0'), 16);
    assert.equal(parse('-2.5e-3'), -0.0025);
    assert.equal(parse('1E+2'), 100);
  });

  it('unescapes', () => {
    assert.equal(parse('"\\u0061\\n\\"\\\\\\/\\ud83d\\uDE00é"'), 'a\n"\\/😀é');
  });
});

describe('parseStrictJson: refusals', () => {
  const cases: readonly (readonly [why: string, text: string | Uint8Array, reason: JsonErrorReason])[] = [
    ['nothing', '', 'syntax'],
    ['only space', ' \n', 'syntax'],
    ['text after the value', '{} x', 'syntax'],
    ['a second value', '1 2', 'syntax'],
    ['NUL padding', '{}\0\0', 'syntax'],
    ['a trailing comma', '{"a":1,}', 'syntax'],
    ['a trailing comma in a list', '[1,]', 'syntax'],
    ['a leading zero', '04', 'syntax'],
    ['a hexadecimal number', '0x10', 'syntax'],
    ['a plus sign', '+1', 'syntax'],
    ['a bare point', '1.', 'syntax'],
    ['NaN', 'NaN', 'syntax'],
    ['Infinity', '-Infinity', 'syntax'],
    ['single quotes', "{'a':1}", 'syntax'],
    ['a comment', '{}/**/', 'syntax'],
    ['a string without end', '"abc', 'syntax'],
    ['a string ending in a backslash', '"abc\\', 'syntax'],
    ['a line break in a string', '"a\nb"', 'syntax'],
    ['an unknown escape', '"\\x41"', 'syntax'],
    ['a short escape', '"\\u12"', 'syntax'],
    ['a lone high surrogate', '"\\ud83d"', 'syntax'],
    ['a lone low surrogate', '"\\ude00"', 'syntax'],
    ['two high surrogates', '"\\ud83d\\ud83d"', 'syntax'],
    ['a byte order mark', '\ufeff{}', 'syntax'],
    ['an object that ends early', '{"a":1', 'syntax'],
    ['a key without a value', '{"a"}', 'syntax'],
    ['a duplicate key', '{"a":1,"a":1}', 'duplicate-key'],
    ['a duplicate after unescaping', '{"a":1,"\\u0061":2}', 'duplicate-key'],
    ['a duplicate deeper down', '[{"x":{"k":1,"k":2}}]', 'duplicate-key'],
    ['__proto__', '{"__proto__":{"x":1}}', 'forbidden-key'],
    ['__proto__ in escapes', '{"\\u005f_proto__":1}', 'forbidden-key'],
    ['constructor', '{"a":{"constructor":1}}', 'forbidden-key'],
    ['prototype', '{"prototype":1}', 'forbidden-key'],
    ['a number that overflows', '1e400', 'number-range'],
    ['a number of too many digits', '1'.repeat(100_000), 'number-range'],
    ['a lone continuation byte', Buffer.from([0x22, 0x80, 0x22]), 'encoding'],
    ['an overlong form', Buffer.from([0x22, 0xc0, 0xaf, 0x22]), 'encoding'],
    ['a surrogate in UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 'encoding'],
    ['UTF-16', Buffer.from('\ufeff{}', 'utf16le'), 'encoding'],
  ];
  for (const [why, text, reason] of cases) {
    it(`refuses ${why}`, () => assert.equal(reasonOf(text), reason));
  }

  it('limits the depth exactly, and survives any depth', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    assert.ok(parse(nested(5), { maxDepth: 5 }));
    assert.equal(reasonOf(nested(6), { maxDepth: 5 }), 'depth');
    assert.equal(reasonOf('{"a":[{"a":1}]}', { maxDepth: 2 }), 'depth');
    assert.equal(reasonOf('['.repeat(1_000_000), { maxDepth: 32 }), 'depth');
  });

  it('refuses whole numbers written as fractions where integers are required', () => {
    const integersOnly = true;
    assert.equal(parse('16', { integersOnly }), 16);
    assert.equal(reasonOf('16.0', { integersOnly }), 'not-integer');
    assert.equal(reasonOf('1e2', { integersOnly }), 'not-integer');
  });

  it('reports where it stopped', () => {
    const error = errorOf('{"a":{"b":[1,2,{"c":1,"c":2}]}}');
    assert.deepEqual(error.path, ['a', 'b', 2, 'c']);
    assert.equal(error.where, '"a" / "b" / 2 / "c"');
    assert.match(error.message, /twice at character \d+/);
  });

  it('leaves no trace on prototypes', () => {
    parse('{"toString":1,"hasOwnProperty":2,"valueOf":{}}');
    errorOf('{"__proto__":{"polluted":1}}');
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
  });
});

describe('quote', () => {
  it('escapes and shortens', () => {
    assert.equal(quote('a"\n\u001b[31m'), '"a\\"\\n\\u001b[31m"');
    assert.ok(quote('x'.repeat(1_000_000)).length < 210);
  });
});
