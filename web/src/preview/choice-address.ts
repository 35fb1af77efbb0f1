import { DEFAULT_CRITERION } from '../../../src/contract/target.ts';
import { optionTexts, parseOptions } from './format-options.ts';
import { formatPins, parsePins } from './pins-text.ts';
import type { AnalyzedAdapter } from './preview.ts';
import { hasKohya, SPECTRUM_POLICIES, type SpectrumPolicy, type TargetForm } from './target-form.ts';

type Query = Readonly<Record<string, string>>;

const DTYPES = ['float32', 'float16', 'bfloat16'] as const;
const FORMAT_NAME = /^[a-z0-9-]{1,32}$/;

/** The choice before the user changes anything: the rank that the analysis recommends, for all modules. */
export const firstForm = ({ analysis }: AnalyzedAdapter): TargetForm => ({
  policy: 'rank',
  rank: analysis.uniform.rank.max,
  parameters: analysis.uniform.parameters,
  criterion: DEFAULT_CRITERION,
  pins: new Map(),
  energy: 90,
  tolerance: 30,
  cumulative: 80,
  ratio: 10,
  isKohya: false,
  isUniform: true,
  profile: '',
  serverRank: null,
  format: '',
  formatOptions: {},
  dtype: '',
  scale: 'fold',
  isExact: false,
});

/**
 * The query that describes a choice in an address. It holds only what differs from the first choice, so
 * most addresses have none.
 */
export function formatQuery(form: TargetForm, analyzed: AnalyzedAdapter): Record<string, string> {
  const first = firstForm(analyzed);
  return {
    ...policyQuery(form, first),
    ...(form.criterion !== first.criterion && { criterion: form.criterion }),
    ...(form.profile !== '' && { profile: form.profile }),
    ...(form.profile !== '' && form.serverRank !== null && { max_rank: String(form.serverRank) }),
    ...(form.format !== '' && { format: form.format, ...optionTexts(form.formatOptions) }),
    ...(form.dtype !== '' && { dtype: form.dtype }),
    ...(form.scale !== first.scale && { scale: form.scale }),
    ...(form.isExact && { method: 'exact' }),
  };
}

function policyQuery(form: TargetForm, first: TargetForm): Record<string, string> {
  const { policy, rank, parameters, pins } = form;
  if (policy === 'rank') return rank === first.rank ? {} : { rank: String(rank) };
  if (policy === 'modules')
    return { parameters: String(parameters), ...(pins.size > 0 && { pins: formatPins(pins) }) };
  const value = policy === 'knee' ? 1 : form[policy];
  return {
    [policy]: String(value),
    ...(hasKohya(policy) && form.isKohya && { compat: 'kohya' }),
    ...(!form.isUniform && { each: '1' }),
  };
}

/** The choice that an address describes. Missing and invalid values are those of the first choice. */
export function parseForm(query: Query, analyzed: AnalyzedAdapter): TargetForm {
  const first = firstForm(analyzed);
  const serverRank = numberIn(query.max_rank, 1, 65_536);
  return {
    ...first,
    ...policyOf(query, analyzed),
    ...(query.criterion === 'energy' && { criterion: 'energy' as const }),
    ...(query.profile !== undefined && { profile: query.profile.slice(0, 64) }),
    ...(serverRank !== undefined && { serverRank: Math.round(serverRank) }),
    ...(FORMAT_NAME.test(query.format ?? '') && {
      format: query.format as TargetForm['format'],
      formatOptions: parseOptions((name) => query[name]),
    }),
    dtype: DTYPES.find((name) => name === query.dtype) ?? '',
    ...(query.scale === 'keep' && { scale: 'keep' as const }),
    isExact: query.method === 'exact',
  };
}

/** The smallest and the largest value that an address may give for each policy. */
const BOUNDS: Readonly<Record<SpectrumPolicy, readonly [number, number]>> = {
  energy: [1, 100],
  tolerance: [0, 99],
  cumulative: [1, 100],
  ratio: [1, 1000],
  knee: [1, 1],
};

function policyOf(query: Query, { modules }: AnalyzedAdapter): Partial<TargetForm> {
  const rank = numberIn(query.rank, 1, 65_536);
  if (rank !== undefined) return { policy: 'rank', rank: Math.round(rank) };
  const parameters = numberIn(query.parameters, 1, Number.MAX_SAFE_INTEGER);
  if (parameters !== undefined)
    return {
      policy: 'modules',
      parameters: Math.round(parameters),
      pins: parsePins(query.pins ?? '', modules.length),
    };
  for (const policy of SPECTRUM_POLICIES) {
    const value = numberIn(query[policy], ...BOUNDS[policy]);
    if (value === undefined) continue;
    return {
      policy,
      ...(policy !== 'knee' && { [policy]: value }),
      isKohya: hasKohya(policy) && query.compat === 'kohya',
      isUniform: query.each !== '1',
    };
  }
  return {};
}

function numberIn(text: string | undefined, minimum: number, maximum: number): number | undefined {
  const value = text === undefined || text.trim() === '' ? Number.NaN : Number(text);
  return value >= minimum && value <= maximum ? value : undefined;
}
