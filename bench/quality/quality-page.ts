import { markdownTable } from '../markdown-table.ts';
import { peakKey } from './choose-peaks.ts';
import { holm, mean, signFlipP, standardDeviation } from './paired.ts';
import { METHOD_NAMES, METHODS, type Method, type Results, type Score, type Variant } from './results.ts';

const VARIANT_NAMES: Readonly<Record<Variant, string>> = {
  default: 'moments carried, alpha keep, no hint (as above)',
  reset: 'moments reset',
  sqrt: 'alpha sqrt',
  hint: 'learning rate times the hint',
  sqrt_hint: 'alpha sqrt, learning rate times the hint',
};
const count = (seeds: readonly number[]) => `${seeds.length} seed${seeds.length === 1 ? '' : 's'}`;
type Measure = 'accuracy' | 'loss';
const DIGITS: Readonly<Record<Measure, number>> = { accuracy: 1, loss: 3 };

/** All tables, from facts to variants, without the prose around them. */
export function qualityPage(results: Results, figureLink: string): string {
  const { plan, facts } = results;
  return `${facts.map((fact) => `- ${fact}`).join('\n')}

![Test accuracy of every method against the rank it ends at](${figureLink})

### Accuracy, percent

${qualityTable(results, 'accuracy')}

### Loss, cross-entropy

${qualityTable(results, 'loss')}

Mean ± standard deviation over ${count(plan.seeds)}.

### Against training directly at the same rank

${differenceTable(results)}

Difference in percentage points of accuracy, mean ± standard deviation of the differences seed by seed. p: exact sign-flip
test, two-sided (with ${count(plan.seeds)} it cannot be below ${pText(2 / 2 ** plan.seeds.length)}). Holm: the same,
corrected for the ${plan.ranks.length * (METHODS.length - 1)} comparisons of the table.

### In-Squeeze: what the service offers, at rank ${plan.variant_rank}

${variantTable(results)}

### Learning rates

${peakTable(results)}

Tried: ${plan.peaks.join(', ')}, on ${plan.sweep_seeds.length} other seed${plan.sweep_seeds.length === 1 ? '' : 's'}; the best mean accuracy of each cell was taken.`;
}

/** The values of one cell, in the order of the plan's seeds. */
export function cell(results: Results, method: Score['method'], rank: number, measure: Measure): number[] {
  return bySeed(
    results,
    (score) => score.phase === 'main' && score.method === method && score.rank === rank,
    measure,
  );
}

function bySeed(results: Results, wanted: (score: Score) => boolean, measure: Measure): number[] {
  const found = results.scores.filter(wanted);
  return results.plan.seeds.map((seed) => {
    const score = found.find((each) => each.seed === seed);
    if (!score) throw new Error(`seed ${seed} lacks a score`);
    return score[measure];
  });
}

const spread = (values: readonly number[], digits: number) =>
  `${mean(values).toFixed(digits)} ± ${standardDeviation(values).toFixed(digits)}`;
const pText = (p: number) => (p < 0.001 ? p.toExponential(0) : p.toFixed(3));
const signed = (values: readonly number[]) =>
  (mean(values) < 0 ? '−' : '+') + Math.abs(mean(values)).toFixed(2);
const differences = (values: readonly number[], others: readonly number[]) =>
  values.map((x, i) => x - others[i]!);

function qualityTable(results: Results, measure: Measure): string {
  const { ranks, source_rank: sourceRank } = results.plan;
  const digits = DIGITS[measure];
  return markdownTable([
    ['method', ...ranks.map((rank) => `rank ${rank}`), `rank ${sourceRank}`],
    ...METHODS.map((method) => [
      METHOD_NAMES[method],
      ...ranks.map((rank) => spread(cell(results, method, rank, measure), digits)),
      method === 'direct' ? spread(cell(results, 'source', sourceRank, measure), digits) : '–',
    ]),
  ]);
}

function differenceTable(results: Results): string {
  const compared = results.plan.ranks.flatMap((rank) =>
    METHODS.filter((method) => method !== 'direct').map((method: Method) => {
      const found = differences(
        cell(results, method, rank, 'accuracy'),
        cell(results, 'direct', rank, 'accuracy'),
      );
      return { rank, method, found, p: signFlipP(found) };
    }),
  );
  const corrected = holm(compared.map(({ p }) => p));
  return markdownTable([
    ['method', 'rank', 'difference', 'better on', 'p', 'Holm'],
    ...compared.map(({ rank, method, found, p }, i) => [
      METHOD_NAMES[method],
      String(rank),
      `${signed(found)} ± ${standardDeviation(found).toFixed(2)}`,
      `${found.filter((value) => value > 0).length} of ${found.length}`,
      pText(p),
      pText(corrected[i]!),
    ]),
  ]);
}

function variantTable(results: Results): string {
  const { variant_rank: rank } = results.plan;
  const usual = cell(results, 'in', rank, 'accuracy');
  const tried = [
    ...new Set(results.scores.filter(({ phase }) => phase === 'variant').map(({ variant }) => variant)),
  ];
  const rows = tried.map((variant) => {
    const of = (measure: Measure) =>
      bySeed(results, (score) => score.phase === 'variant' && score.variant === variant, measure);
    const found = differences(of('accuracy'), usual);
    return [
      VARIANT_NAMES[variant],
      spread(of('accuracy'), 1),
      spread(of('loss'), 3),
      `${signed(found)} ± ${standardDeviation(found).toFixed(2)}`,
      pText(signFlipP(found)),
    ];
  });
  return markdownTable([
    ['In-Squeeze with', 'accuracy, %', 'loss', 'difference', 'p'],
    [VARIANT_NAMES.default, spread(usual, 1), spread(cell(results, 'in', rank, 'loss'), 3), '–', '–'],
    ...rows,
  ]);
}

function peakTable({ plan, peaks }: Results): string {
  const text = (method: Score['method'], rank: number) => String(peaks[peakKey({ method, rank })] ?? '–');
  return markdownTable([
    ['method', ...plan.ranks.map((rank) => `rank ${rank}`), `rank ${plan.source_rank}`],
    ...METHODS.map((method) => [
      METHOD_NAMES[method],
      ...plan.ranks.map((rank) => text(method, rank)),
      method === 'direct' ? text('source', plan.source_rank) : '–',
    ]),
  ]);
}
