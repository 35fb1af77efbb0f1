import { markdownTable } from '../markdown-table.ts';
import { settingsKey } from './choose-settings.ts';
import { halfInterval, holm, mean, signFlipP } from './paired.ts';
import { METHOD_NAMES, type Method, type Results, type Score } from './results.ts';

const count = (seeds: readonly number[]) => `${seeds.length} seed${seeds.length === 1 ? '' : 's'}`;
type Measure = 'accuracy' | 'loss' | 'trained_parameters' | 'energy' | 'module_energy';
const DIGITS = { accuracy: 1, loss: 3 } as const;

/** All tables of a task, from facts to settings, without the prose around them. */
export function qualityPage(results: Results, figureLink: string): string {
  const { plan, facts } = results;
  return `${facts.map((fact) => `- ${fact}`).join('\n')}

![Test accuracy of every method against the rank it ends at](${figureLink})

**Accuracy, percent**

${qualityTable(results, 'accuracy')}

**Loss, cross-entropy**

${qualityTable(results, 'loss')}

Mean ± half of the 95 % interval over ${count(plan.seeds)}. ${baseLine(results)}

**Against training directly at the same rank**

${differenceTable(results)}

Difference: percentage points of accuracy, mean and 95 % interval (Student's t) of the differences seed by seed. p: exact
sign-flip test, two-sided (with ${count(plan.seeds)} it cannot be below ${pText(2 / 2 ** plan.seeds.length)}). Holm: p,
corrected for the ${plan.ranks.length * (plan.methods.length - 1)} comparisons of the table.

**Cost: Σ (trained parameters × steps), against training at rank ${plan.source_rank}**

${costTable(results)}
${energyTable(results)}
**Settings**

${settingsTable(results)}

Learning rates tried: ${plan.peaks.join(', ')} for all methods that begin at rank ${plan.source_rank}; for direct training,
these rates times ${plan.ranks.map((rank) => `${plan.direct_factors[rank] ?? 1} (rank ${rank})`).join(', ')}. Each cell shows the setting with the best mean accuracy
on ${plan.sweep_seeds.length} other seed${plan.sweep_seeds.length === 1 ? '' : 's'}.`;
}

/** The values of a method at a rank, in the order of the plan's seeds. */
export function cell(
  results: Results,
  method: Method | 'source',
  rank: number,
  measure: Measure = 'accuracy',
): number[] {
  const found = results.scores.filter(
    (score) => score.phase === 'main' && score.method === method && score.rank === rank,
  );
  return results.plan.seeds.map((seed) => {
    const value = found.find((each) => each.seed === seed)?.[measure];
    if (value === undefined) throw new Error(`seed ${seed} lacks a score of ${method} at rank ${rank}`);
    return value;
  });
}

const spread = (values: readonly number[], digits: number) =>
  `${mean(values).toFixed(digits)} ± ${halfInterval(values).toFixed(digits)}`;
const pText = (p: number) => (p < 0.001 ? p.toExponential(0) : p.toFixed(3));
const signed = (value: number) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(1)}`;
const percent = (share: number) => `${(100 * share).toFixed(0)} %`;

/** A row for each method, a cell for each rank, and the source rank if the method is direct training. */
function byRank(
  { plan }: Results,
  methods: readonly Method[],
  text: (method: Method | 'source', rank: number) => string,
): string {
  return markdownTable([
    ['method', ...plan.ranks.map((rank) => `rank ${rank}`), `rank ${plan.source_rank}`],
    ...methods.map((method) => [
      METHOD_NAMES[method],
      ...plan.ranks.map((rank) => text(method, rank)),
      method === 'direct' ? text('source', plan.source_rank) : '–',
    ]),
  ]);
}

const qualityTable = (results: Results, measure: keyof typeof DIGITS) =>
  byRank(results, results.plan.methods, (method, rank) =>
    spread(cell(results, method, rank, measure), DIGITS[measure]),
  );

function baseLine({ bases, plan }: Results): string {
  const compared = bases.filter(({ seed }) => plan.seeds.includes(seed));
  const names = Object.keys(compared[0] ?? {}).filter((name) => name !== 'base' && name !== 'seed');
  const of = (name: string) => mean(compared.map((base) => Number(base[name]))).toFixed(1);
  return names.length === 0
    ? ''
    : `Before adaptation, the base model has ${names.map((name) => `${of(name)} % ${name}`).join(', ')}.`;
}

function differenceTable(results: Results): string {
  const others = results.plan.methods.filter((method) => method !== 'direct');
  const compared = results.plan.ranks.flatMap((rank) =>
    others.map((method) => {
      const direct = cell(results, 'direct', rank);
      const found = cell(results, method, rank).map((value, i) => value - direct[i]!);
      return { rank, method, found, p: signFlipP(found) };
    }),
  );
  const corrected = holm(compared.map(({ p }) => p));
  return markdownTable([
    ['method', 'rank', 'difference', '95 % interval', 'better on', 'p', 'Holm'],
    ...compared.map(({ rank, method, found, p }, i) => {
      const [centre, half] = [mean(found), halfInterval(found)];
      return [
        METHOD_NAMES[method],
        String(rank),
        signed(centre),
        `${signed(centre - half)} to ${signed(centre + half)}`,
        `${found.filter((value) => value > 0).length} of ${found.length}`,
        pText(p),
        pText(corrected[i]!),
      ];
    }),
  ]);
}

function costTable(results: Results): string {
  const whole = mean(cell(results, 'source', results.plan.source_rank, 'trained_parameters'));
  const methods = results.plan.methods.filter((method) => method !== 'in_tuned');
  return byRank(results, methods, (method, rank) =>
    percent(mean(cell(results, method, rank, 'trained_parameters')) / whole),
  );
}

function energyTable(results: Results): string {
  const methods = results.plan.methods.filter((method) => method.startsWith('post'));
  const text = (method: Method | 'source', rank: number) =>
    (['energy', 'module_energy'] as const)
      .map((measure) => percent(mean(cell(results, method, rank, measure))))
      .join(', ');
  return `
**Energy that Post-Squeeze keeps: of the whole adapter; of each module, as the mean over modules**

${byRank(results, methods, text)}
`;
}

function settingsTable(results: Results): string {
  const text = (method: Score['method'], rank: number) => {
    const found = results.settings[settingsKey({ method, rank })];
    if (!found) return '–';
    return found.power === undefined ? String(found.peak) : `${found.peak}, (R/r)^${found.power.toFixed(2)}`;
  };
  const own = results.plan.methods.filter((method) =>
    results.plan.ranks.some((rank) => settingsKey({ method, rank }) in results.settings),
  );
  return byRank(results, own, text);
}
