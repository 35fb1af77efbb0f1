import type { ErrorCode } from '../../../src/errors/error-kinds.ts';
import fc from '../../fast-check.ts';

/**
 * How the JSON of a body is spoiled when it is written, at the place that `at` selects; no schema can express
 * it.
 */
export type JsonDefect =
  | { readonly kind: 'nest'; readonly at: number; readonly levels: number; readonly isList: boolean }
  | { readonly kind: 'repeat'; readonly at: number; readonly isEqual: boolean; readonly isEscaped: boolean }
  | { readonly kind: 'name'; readonly at: number; readonly name: string; readonly isEscaped: boolean }
  | { readonly kind: 'integer'; readonly at: number; readonly digits: string };

const at = fc.nat(60);
/** Bodies may have 64 kB: this many lists, or a fifth as many objects. */
const levels = fc.oneof(fc.integer({ min: 2, max: 100 }), fc.integer({ min: 101, max: 20_000 }));

export const jsonDefects: fc.Arbitrary<JsonDefect> = fc.oneof(
  fc.record({ kind: fc.constant('nest' as const), at, levels, isList: fc.boolean() }),
  fc.record({ kind: fc.constant('repeat' as const), at, isEqual: fc.boolean(), isEscaped: fc.boolean() }),
  fc.record({
    kind: fc.constant('name' as const),
    at,
    name: fc.constantFrom('__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'),
    isEscaped: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('integer' as const),
    at,
    digits: fc
      .tuple(fc.constantFrom('', '-'), fc.bigInt({ min: 2n ** 53n, max: 10n ** 400n }))
      .map(([sign, value]) => `${sign}${value}`),
  }),
);

const MAX_BODY_BYTES = 64 * 1024;
/** As in src/http/request-json.ts. */
const MAX_DEPTH = 64;

export interface DefectiveJson {
  readonly text: string;
  /** The required response; undefined: any refusal or none, as the schema requires. */
  readonly code: ErrorCode | undefined;
}

/** The value as JSON, spoiled. It nests less deep than requested if the body would otherwise be too large. */
export function withDefect(value: unknown, spoil: JsonDefect): DefectiveJson {
  const places: Place[] = [];
  const tree = planted(value, places);
  const isOfObject = spoil.kind === 'repeat' || spoil.kind === 'name';
  const candidates = places.filter(({ members }) => !isOfObject || members !== undefined);
  const place = candidates[spoil.at % candidates.length];
  // A body without an object becomes one.
  if (!place) return withDefect({ a: value }, spoil);
  switch (spoil.kind) {
    case 'nest': {
      const [open, close] = spoil.isList ? ['[', ']'] : ['{"a":', '}'];
      place.text = '1';
      const room = Math.floor((MAX_BODY_BYTES - written(tree).length) / (open.length + close.length));
      const most = Math.max(0, Math.min(spoil.levels, room));
      place.text = `${open.repeat(most)}1${close.repeat(most)}`;
      return { text: written(tree), code: place.depth + most > MAX_DEPTH ? 'REQUEST_TOO_DEEP' : undefined };
    }
    case 'integer':
      place.text = spoil.digits;
      return { text: written(tree), code: 'REQUEST_NUMBER' };
    case 'repeat': {
      const [there] = place.members!;
      const first = there ?? (['a', planted(1, [])] as const);
      const again = spoil.isEqual ? first[1] : planted('other', []);
      const second = [first[0], again] as const;
      place.extra = there ? [second] : [first, second];
      place.isEscaped = spoil.isEscaped;
      return { text: written(tree), code: 'REQUEST_DUPLICATE_KEY' };
    }
    case 'name': {
      const isThere = place.members!.some(([key]) => key === spoil.name);
      place.extra = [[spoil.name, planted({ polluted: 1 }, [])]];
      place.isEscaped = spoil.isEscaped;
      if (spoil.name === '__proto__') return { text: written(tree), code: 'REQUEST_FORBIDDEN_KEY' };
      return { text: written(tree), code: isThere ? 'REQUEST_DUPLICATE_KEY' : undefined };
    }
  }
}

type Member = readonly [key: string, value: Place];
/** A value that is being written, which may be replaced, or get members that no JavaScript object has. */
interface Place {
  readonly depth: number;
  readonly scalar: string;
  readonly items: readonly Place[] | undefined;
  readonly members: readonly Member[] | undefined;
  text?: string;
  extra?: readonly Member[];
  isEscaped?: boolean;
}

function planted(value: unknown, places: Place[], depth = 0): Place {
  const inside = (inner: unknown): Place => planted(inner, places, depth + 1);
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  const members = isObject
    ? Object.entries(value).flatMap(([key, inner]) =>
        inner === undefined ? [] : [[key, inside(inner)] as const],
      )
    : undefined;
  const items = Array.isArray(value) ? value.map(inside) : undefined;
  const place: Place = { depth, scalar: JSON.stringify(value ?? null), items, members };
  places.push(place);
  return place;
}

function written({ text, scalar, items, members, extra = [], isEscaped = false }: Place): string {
  if (text !== undefined) return text;
  if (items) return `[${items.map(written).join(',')}]`;
  if (!members) return scalar;
  const named = (key: string, place: Place): string => `${key}:${written(place)}`;
  return `{${[
    ...members.map(([key, place]) => named(JSON.stringify(key), place)),
    ...extra.map(([key, place]) => named(isEscaped ? escaped(key) : JSON.stringify(key), place)),
  ].join(',')}}`;
}

/** A key with every UTF-16 unit as an escape sequence: another spelling of the same key. */
const escaped = (key: string): string =>
  `"${[...Array(key.length).keys()].map((index) => `\\u${key.charCodeAt(index).toString(16).padStart(4, '0')}`).join('')}"`;
