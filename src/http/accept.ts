/** A media range of an Accept header with its weight. */
interface MediaRange {
  readonly type: string;
  readonly subtype: string;
  /** From 0 (not acceptable) to 1. */
  readonly weight: number;
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const WEIGHT = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;
/**
 * Elements of a list and parameters of an element, which may have quoted text in them. Text whose quote is never closed
 * goes on to the end: else its end would be looked for again behind each character of it.
 */
const ELEMENTS = /(?:"(?:\\.|[^"\\])*(?:"|\\?$)|[^,"])+/g;
const PARAMETERS = /(?:"(?:\\.|[^"\\])*(?:"|\\?$)|[^;"])+/g;

/**
 * The media type that an Accept header prefers (RFC 9110, 12.5.1): the one of the highest weight, each weighed by the most
 * specific range that it is in; of several the one offered first. Parameters other than q make no difference, and ranges
 * that are malformed are none.
 * @param offered media types without parameters, the default first
 * @returns undefined where none is acceptable; the default where the header is absent or says nothing
 */
export function preferredType<T extends string>(
  header: string | undefined,
  offered: readonly T[],
): T | undefined {
  const ranges = (header?.match(ELEMENTS) ?? []).flatMap(mediaRange);
  if (ranges.length === 0) return offered[0];
  let best: T | undefined;
  let most = 0;
  for (const type of offered) {
    const weight = weightOf(type, ranges);
    if (weight > most) [best, most] = [type, weight];
  }
  return best;
}

function mediaRange(element: string): MediaRange[] {
  const [range, ...parameters] = element.match(PARAMETERS) ?? [];
  const [type = '', subtype = '', ...rest] = (range ?? '').trim().toLowerCase().split('/');
  if (rest.length > 0 || !TOKEN.test(type) || !TOKEN.test(subtype) || (type === '*' && subtype !== '*'))
    return [];
  for (const parameter of parameters) {
    const [name, value = ''] = parameter.split('=', 2).map((part) => part.trim());
    if (name?.toLowerCase() !== 'q') continue;
    return WEIGHT.test(value) ? [{ type, subtype, weight: Number(value) }] : [];
  }
  return [{ type, subtype, weight: 1 }];
}

/** By the range of most detail; of equal ones the heaviest. */
function weightOf(mediaType: string, ranges: readonly MediaRange[]): number {
  const [type, subtype] = mediaType.split('/');
  let [detail, weight] = [-1, 0];
  for (const range of ranges) {
    if (range.type !== '*' && range.type !== type) continue;
    if (range.subtype !== '*' && range.subtype !== subtype) continue;
    const own = range.type === '*' ? 0 : range.subtype === '*' ? 1 : 2;
    if (own > detail || (own === detail && range.weight > weight)) [detail, weight] = [own, range.weight];
  }
  return weight;
}
