import { markdownTable } from '../markdown-table.ts';
import { mean } from './paired.ts';

/** A line of results/plans.jsonl (text/tune.py). Accuracies in percent, and losses, one for each seed. */
export interface PlanRow {
  readonly task: string;
  readonly plan: string;
  readonly rank: number;
  readonly accuracy: readonly number[];
  readonly loss: readonly number[];
}

/** A line of results/ranks.jsonl (text/tune_ranks.py): Post-Squeezes, compared with the adapters before the squeeze. */
export interface RanksRow {
  readonly task: string;
  readonly criterion: string;
  /** The budget: as many parameters as this rank in every module has. */
  readonly rank: number;
  readonly norm: 'kept' | 'restored';
  /** Percentage points of accuracy lost, for each seed. */
  readonly cost: readonly number[];
  readonly loss: readonly number[];
  /** The share of the whole adapter's energy that is kept, for each seed. */
  readonly energy: readonly number[];
  /** Share of its own energy that a module keeps, in the mean over modules. */
  readonly module_energy: readonly number[];
}

const PLANS: Readonly<Record<string, string>> = {
  'in, half, ^1/3':
    '**In-Squeeze: half of the steps at the target, (R/r)^⅓, warm-up of a tenth, moments carried**',
  'in, half, ^0': 'factor 1',
  'in, half, ^2/3': 'factor (R/r)^⅔',
  'in, half, hint': 'factor: the hints of the squeezes',
  'in, half, sqrt': 'factor 1, alpha `sqrt`',
  'in, half, ^1/3, reset': 'moments reset',
  'in, half, ^1/3, warm-up 30': 'warm-up of 30 steps after every squeeze',
  'in, third, ^1/3': 'a third of the steps at the target',
  'in, two thirds, ^1/3': 'two thirds of the steps at the target',
  'in, equal stages': 'recipe `equal`: one curve over all stages, factor 1',
  'cont, half, ^1/3': '**Cont-Squeeze: half of the steps at the target, (R/r)^⅓, moments carried**',
  'cont, half, ^0': 'factor 1',
  'cont, half, hint': 'factor: the hint of the squeeze',
  'cont, half, ^1/3, reset': 'moments reset',
  'cont, third, ^0': 'a third of the steps, factor 1',
  'cont, third, ^1/3': 'a third of the steps',
  'cont, two thirds, ^1/3': 'two thirds of the steps',
};

const CRITERIA: readonly (readonly [name: string, criterion: string, norm: RanksRow['norm']])[] = [
  ['one rank for all', 'uniform', 'kept'],
  ['by energy (`"criterion": "energy"`)', 'power 0', 'kept'],
  ['by energy / (energy of the module)^½', 'power 0.5', 'kept'],
  ['by energy / (energy of the module)^¾', 'power 0.75', 'kept'],
  ['**by the share in the energy of the module (`"relative"`)**', 'power 1', 'kept'],
  ['by energy / (energy of the module)^1¼', 'power 1.25', 'kept'],
  ['one tolerance for all modules', 'tolerance', 'kept'],
  ['by share, singular values scaled up to the former norm', 'power 1', 'restored'],
  ['by share, modules may be left out', 'power 1, floor 0', 'kept'],
];

const columnOf = ({ task, rank }: Pick<PlanRow, 'task' | 'rank'>) => `${task}, rank ${rank}`;

/** Accuracy in percent and loss of every plan. */
export function plansTable(rows: readonly PlanRow[]): string {
  const columns = [...new Set(rows.filter(({ plan }) => plan !== 'direct').map(columnOf))].sort();
  const text = (plan: string, column: string) => {
    const found = rows.filter((row) => row.plan === plan && columnOf(row) === column);
    if (found.length === 0) return '–';
    const best = found.reduce((x, y) => (mean(y.accuracy) > mean(x.accuracy) ? y : x));
    return `${mean(best.accuracy).toFixed(1)}, ${mean(best.loss).toFixed(3)}`;
  };
  return markdownTable([
    ['plan', ...columns],
    ...Object.entries(PLANS).map(([plan, name]) => [name, ...columns.map((column) => text(plan, column))]),
    ['direct training, best of four rates', ...columns.map((column) => text('direct', column))],
  ]);
}

/** Points of accuracy that a Post-Squeeze loses, and what it adds to the loss. */
export function criteriaTable(rows: readonly RanksRow[]): string {
  const columns = [...new Set(rows.map(columnOf))].sort();
  return markdownTable([
    ['ranks', ...columns],
    ...CRITERIA.map(([name, criterion, norm]) => [
      name,
      ...columns.map((column) => {
        const row = rows.find(
          (each) => each.criterion === criterion && each.norm === norm && columnOf(each) === column,
        );
        return row ? `−${mean(row.cost).toFixed(1)}, +${mean(row.loss).toFixed(3)}` : '–';
      }),
    ]),
  ]);
}
