import type { Capabilities } from '../../../src/contract/capabilities.ts';
import type { FormatRecord } from '../../../src/contract/format.ts';
import type { FormatOptions } from '../../../src/contract/target.ts';
import { architectureOf } from '../text/architecture-of.ts';

/** What is known about converting an adapter to other formats. */
export interface Conversions {
  /** The adapter's own format. */
  readonly own: string;
  readonly formats: readonly (FormatRecord['converts_to'][number] & { readonly title: string })[];
  readonly architectures: readonly string[];
  /** The base model of the adapter, from which options are filled in. */
  readonly baseModel: string | null;
}

/** The formats to which an adapter can be converted, with the options that each needs. */
export function listConversions(
  { formats, architectures }: Capabilities,
  own: string,
  baseModel: string | null,
): Conversions {
  const titleOf = (format: string) => formats.find(({ name }) => name === format)?.title ?? format;
  const conversions = formats.find(({ name }) => name === own)?.converts_to ?? [];
  return {
    own,
    formats: conversions.map((conversion) => ({ ...conversion, title: titleOf(conversion.format) })),
    architectures,
    baseModel,
  };
}

/**
 * The formats in which all of several adapters can be written: for each adapter its own, or one to which it
 * can be converted.
 * @param owns the formats of the adapters, at least one
 */
export function commonConversions(
  all: Capabilities,
  owns: readonly string[],
  baseModel: string | null,
): Conversions {
  const each = [...new Set(owns)].map((own) => listConversions(all, own, baseModel));
  const [first, ...others] = each;
  if (others.length === 0) return first!;
  const formats = all.formats.flatMap(({ name: format, title }) => {
    const ways = each.map((one) => one.formats.find((way) => way.format === format));
    if (!ways.every((way, index) => way || each[index]!.own === format)) return [];
    const merged = (field: 'needs' | 'takes' | 'limits') => [
      ...new Set(ways.flatMap((way): readonly string[] => way?.[field] ?? [])),
    ];
    return [
      { format, title, needs: merged('needs'), takes: merged('takes'), limits: merged('limits') },
    ] as Conversions['formats'];
  });
  return { ...first!, formats };
}

const MAX_HEADS = 1024;
/** The components of a pipeline to which an adapter may belong. */
export const COMPONENTS = ['unet', 'transformer', 'text_encoder', 'text_encoder_2'] as const;

/**
 * The format options that an address or a form gives as texts. Values that the service would reject as
 * malformed are left out, so that it reports them as missing.
 * @param texts returns the text for the name of an option
 */
export function parseOptions(texts: (name: keyof FormatOptions) => string | undefined): FormatOptions {
  const [architecture, baseModel] = [texts('architecture'), texts('base_model')];
  const component = COMPONENTS.find((one) => one === texts('component'));
  const [heads, kvHeads] = [headsIn(texts('heads')), headsIn(texts('kv_heads'))];
  return {
    ...(architecture !== undefined && /^[a-z0-9][a-z0-9_-]{0,40}$/.test(architecture) && { architecture }),
    ...(heads !== undefined && { heads }),
    ...(kvHeads !== undefined && { kv_heads: kvHeads }),
    ...(component && { component }),
    ...(baseModel && { base_model: baseModel.slice(0, 400) }),
  };
}

/** Format options as texts; the inverse of `parseOptions`. */
export const optionTexts = (options: FormatOptions): Record<string, string> =>
  Object.fromEntries(Object.entries(options).map(([name, value]) => [name, String(value)]));

/** The options of a format that can be derived from the name of the base model. */
export function firstOptions(
  { formats, architectures, baseModel }: Conversions,
  format: string,
): FormatOptions {
  const conversion = formats.find((one) => one.format === format);
  const takes = [...(conversion?.needs ?? []), ...(conversion?.takes ?? [])];
  return parseOptions((name) => {
    if (!takes.includes(name)) return undefined;
    if (name === 'architecture') return architectureOf(baseModel, architectures);
    return name === 'base_model' ? (baseModel ?? undefined) : undefined;
  });
}

function headsIn(text: string | undefined): number | undefined {
  const value = Number(text);
  return Number.isInteger(value) && value >= 1 && value <= MAX_HEADS ? value : undefined;
}
