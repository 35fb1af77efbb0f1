import { markdownTable } from '../markdown-table.ts';
import { peakKey } from './choose-peaks.ts';
import { holm, mean, signFlipP, standardDeviation } from './paired.ts';
import { LINES, type Line, type Results, type Score, VARIANTS, type Variant } from './results.ts';

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
corrected for the ${plan.ranks.length * (LINES.length - 1)} comparisons of the table.

### In-Squeeze: what the service offers, at rank ${plan.variant_rank}

${variantTable(results)}

### Learning rates

${peakTable(results)}

Tried: ${plan.peaks.join(', ')}, on ${plan.sweep_seeds.length} other seed${plan.sweep_seeds.length === 1 ? '' : 's'}; the best mean accuracy of each cell was taken.
Variants of In-Squeeze have its rate.`;
}

/** The values of a line at a rank, in the order of the plan's seeds. */
export function cell(results: Results, line: Omit<Line, 'name'>, rank: number, measure: Measure): number[] {
  const { method, variant } = line;
  return bySeed(
    results,
    (score) =>
      score.phase !== 'sweep' && score.method === method && score.variant === variant && score.rank === rank,
    measure,
  );
}

/** Of what was trained at the source rank throughout. */
export function sourceCell(results: Results, measure: Measure): number[] {
  return bySeed(results, ({ phase, method }) => phase === 'main' && method === 'source', measure);
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
const difference = (values: readonly number[]) =>
  `${mean(values) < 0 ? '−' : '+'}${Math.abs(mean(values)).toFixed(2)} ± ${standardDeviation(values).toFixed(2)}`;
const differences = (values: readonly number[], others: readonly number[]) =>
  values.map((x, i) => x - others[i]!);

function qualityTable(results: Results, measure: Measure): string {
  const { ranks, source_rank: sourceRank } = results.plan;
  const digits = DIGITS[measure];
  return markdownTable([
    ['method', ...ranks.map((rank) => `rank ${rank}`), `rank ${sourceRank}`],
    ...LINES.map((line) => [
      line.name,
      ...ranks.map((rank) => spread(cell(results, line, rank, measure), digits)),
      line.method === 'direct' ? spread(sourceCell(results, measure), digits) : '–',
    ]),
  ]);
}

function differenceTable(results: Results): string {
  const [direct, ...others] = LINES;
  const compared = results.plan.ranks.flatMap((rank) =>
    others.map((line) => {
      const found = differences(
        cell(results, line, rank, 'accuracy'),
        cell(results, direct!, rank, 'accuracy'),
      );
      return { rank, line, found, p: signFlipP(found) };
    }),
  );
  const corrected = holm(compared.map(({ p }) => p));
  return markdownTable([
    ['method', 'rank', 'difference', 'better on', 'p', 'Holm'],
    ...compared.map(({ rank, line, found, p }, i) => [
      line.name,
      String(rank),
      difference(found),
      `${found.filter((value) => value > 0).length} of ${found.length}`,
      pText(p),
      pText(corrected[i]!),
    ]),
  ]);
}

function variantTable(results: Results): string {
  const { variant_rank: rank } = results.plan;
  const of = (variant: Variant, measure: Measure) => cell(results, { method: 'in', variant }, rank, measure);
  return markdownTable([
    ['In-Squeeze with', 'accuracy, %', 'loss', 'difference', 'p'],
    ...VARIANTS.map((variant) => {
      const found = differences(of(variant, 'accuracy'), of('default', 'accuracy'));
      return [
        VARIANT_NAMES[variant],
        spread(of(variant, 'accuracy'), DIGITS.accuracy),
        spread(of(variant, 'loss'), DIGITS.loss),
        ...(variant === 'default' ? ['–', '–'] : [difference(found), pText(signFlipP(found))]),
      ];
    }),
  ]);
}

function peakTable({ plan, peaks }: Results): string {
  const text = (method: Score['method'], rank: number) => String(peaks[peakKey({ method, rank })] ?? '–');
  return markdownTable([
    ['method', ...plan.ranks.map((rank) => `rank ${rank}`), `rank ${plan.source_rank}`],
    ...LINES.filter(({ variant }) => variant === 'default').map(({ name, method }) => [
      name,
      ...plan.ranks.map((rank) => text(method, rank)),
      method === 'direct' ? text('source', plan.source_rank) : '–',
    ]),
  ]);
}
