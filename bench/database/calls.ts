import { DEFAULT_LIMIT } from '../../src/contract/page.ts';
import type { Page } from '../../src/database/lists/page.ts';
import { AppError } from '../../src/errors/app-error.ts';
import type { AdapterFilter } from '../../src/resources/adapters/store.ts';
import type { BatchFilter } from '../../src/resources/batches/store.ts';
import type { JobFilter } from '../../src/resources/jobs/store.ts';
import { readTotalUsage, readUsage } from '../../src/resources/tenants/usage.ts';
import type { Workspace } from '../../src/resources/workspaces.ts';
import { BASES, BLOCK, type GeneratedRows, LARGE, OLD_PREFIX, POPULAR_ADAPTER } from './generated-rows.ts';
import type { Amounts } from './options.ts';

/** A call of the service that is measured. */
export interface Call {
  readonly group: 'jobs' | 'adapters' | 'batches' | 'usage';
  readonly name: string;
  /** @param turn 0, 1, 2, …: a call that deletes something deletes another record each time */
  readonly make: (turn: number) => Promise<unknown>;
  /** Returns false if the answer is not the one to be measured. */
  readonly check: (answer: unknown) => boolean;
}

/** any: the number of rows is left to chance. */
type Wanted = 'page' | 'some' | 'none' | 'any';
type Listed = readonly [name: string, wanted: Wanted, filter: object, after?: string];

const RARE = { name: 'incident', text: 'yes' };
/** The label of one row in 20. */
const COMMON = { name: 'team', text: 'team-3' };
const MISSING = { name: 'team', text: 'team-none' };

const isWanted = (wanted: Wanted) => (answer: unknown) => {
  const { items, next } = answer as Page<unknown>;
  if (wanted === 'any') return true;
  if (wanted === 'page') return items.length === DEFAULT_LIMIT && next !== null;
  return wanted === 'some' ? items.length > 0 : items.length === 0;
};
const isObject = (answer: unknown): boolean => typeof answer === 'object' && answer !== null;
const isNothing = (answer: unknown): boolean => answer === undefined;

/** Calls of all kinds, for the tenant with the most rows unless they name another one. */
export function callsOf(of: (tenant: string) => Workspace, made: GeneratedRows, amounts: Amounts): Call[] {
  const own = of(LARGE);
  return [
    ...jobCalls(own, of(made.tenants[1]!), made, amounts),
    ...adapterCalls(own, made, amounts),
    ...batchCalls(own, made, amounts),
    { group: 'usage', name: 'one tenant', make: () => readUsage(own), check: isObject },
    { group: 'usage', name: 'all tenants', make: () => readTotalUsage(own.database), check: isObject },
  ];
}

function jobCalls(own: Workspace, small: Workspace, made: GeneratedRows, amounts: Amounts): Call[] {
  const { jobs, queued } = amounts;
  const middle = Math.floor(jobs / 2 / BLOCK / 2) * 2 * BLOCK;
  const adapterId = made.adapterId(made.sourceOf(middle));
  const popular = made.adapterId(POPULAR_ADAPTER);
  const batchId = made.batchIdOf(made.firstOfBatch(middle));
  const lists: readonly Listed[] = [
    ['first page', 'page', {}],
    ['page in the middle', 'page', {}, made.jobId(middle)],
    ['last page', 'some', {}, lastPlace(made, made.jobId)],
    ['state queued', 'page', { states: ['queued'] }],
    ['states queued and active', 'page', { states: ['queued', 'active'] }],
    ['state cancelled', 'some', { states: ['cancelled'] }],
    ['state failed (no match)', 'none', { states: ['failed'] }],
    ['kind analyze', 'some', { kind: 'analyze' }],
    ['label on 1 in 10,000', 'some', { labels: [RARE] }],
    ['label on 1 in 20', 'some', { labels: [COMMON] }],
    ['label (no match)', 'none', { labels: [MISSING] }],
    ['reading one adapter', 'some', { adapterId }],
    ['reading an adapter that 1 in 100 jobs read', 'some', { adapterId: popular }],
    ['in one batch', 'some', { batchId }],
    ['two labels, on 1 in 20 and 1 in 10,000', 'any', { labels: [COMMON, RARE] }],
    ['label on 1 in 20, state failed (no match)', 'none', { labels: [COMMON], states: ['failed'] }],
    [
      'adapter that 1 in 100 jobs read, state failed (no match)',
      'none',
      { adapterId: popular, states: ['failed'] },
    ],
    ['kind analyze, state failed (no match)', 'none', { kind: 'analyze', states: ['failed'] }],
    ['kind analyze, state queued', 'some', { kind: 'analyze', states: ['queued'] }],
  ];
  const page = (space: Workspace, filter: object, after?: string) =>
    space.jobs.page(filter as JobFilter, { limit: DEFAULT_LIMIT, after });
  const waiting = [...made.largeIn(jobs, jobs + queued)].filter((job) => job % BLOCK !== POPULAR_ADAPTER);
  const ended = spread(made, jobs, amounts.calls);
  return [
    ...lists.map(([name, wanted, filter, after]) => ({
      ...({ group: 'jobs', name, check: isWanted(wanted) } as const),
      make: () => page(own, filter, after),
    })),
    {
      ...{ group: 'jobs', name: 'first page of a small tenant', check: isWanted('some') },
      make: () => page(small, {}),
    },
    {
      group: 'jobs',
      name: 'get a job that has ended',
      make: () => own.jobs.get(made.jobId(middle)),
      check: isObject,
    },
    {
      ...{ group: 'jobs', name: 'get a queued job', check: isObject },
      make: () => own.jobs.get(made.jobId(waiting.at(-1)!)),
    },
    {
      ...{ group: 'jobs', name: 'cancel a job', check: isObject },
      make: (turn) => own.jobControl.cancel(made.jobId(waiting[turn]!)),
    },
    {
      ...{ group: 'jobs', name: 'delete a job', check: isNothing },
      make: (turn) => own.jobControl.remove(made.jobId(ended[turn]!)),
    },
  ];
}

function adapterCalls(own: Workspace, made: GeneratedRows, amounts: Amounts): Call[] {
  const { adapters } = amounts;
  const middle = Math.floor(adapters / 2 / BLOCK / 2) * 2 * BLOCK;
  const batchId = made.batchIdOf(made.firstOfBatch(made.makerOf(middle)));
  const lists: readonly Listed[] = [
    ['first page', 'page', {}],
    ['page in the middle', 'page', {}, made.adapterId(middle)],
    ['last page', 'some', {}, lastPlace(made, made.adapterId)],
    ['format kohya', 'page', { format: 'kohya' }],
    ['format xlabs (no match)', 'none', { format: 'xlabs' }],
    ['with one base model', 'page', { baseModel: BASES[1] }],
    ['made from one adapter', 'some', { parentId: made.adapterId(middle) }],
    ['results of one job', 'some', { jobId: made.jobId(made.makerOf(middle + 1)) }],
    ['results of one batch', 'some', { batchId }],
    ['beginning of the name of 1 in 100', 'some', { name: 'team-7-assistant-v2' }],
    ['beginning of the name of 1 in 20', 'some', { name: 'team-7-' }],
    ['beginning of a name that only the oldest have', 'some', { name: OLD_PREFIX }],
    ['beginning of a name (no match)', 'none', { name: 'team-x' }],
    ['label on 1 in 10,000', 'some', { labels: [RARE] }],
    ['label on 1 in 20', 'some', { labels: [COMMON] }],
    ['label (no match)', 'none', { labels: [MISSING] }],
    ['two labels, on 1 in 20 and 1 in 10,000', 'any', { labels: [COMMON, RARE] }],
    ['label on 1 in 20, format xlabs (no match)', 'none', { labels: [COMMON], format: 'xlabs' }],
    [
      'beginning of the name of 1 in 20, format xlabs (no match)',
      'none',
      { name: 'team-7-', format: 'xlabs' },
    ],
    ['beginning of the name of 1 in 20, label on 1 in 10,000', 'none', { name: 'team-6-', labels: [RARE] }],
  ];
  const unused = spread(made, adapters, amounts.calls);
  return [
    ...lists.map(([name, wanted, filter, after]) => ({
      ...({ group: 'adapters', name, check: isWanted(wanted) } as const),
      make: () => own.adapters.page(filter as AdapterFilter, { limit: DEFAULT_LIMIT, after }),
    })),
    {
      ...{ group: 'adapters', name: 'get an adapter', check: isObject },
      make: () => own.adapters.get(made.adapterId(middle)),
    },
    {
      ...{ group: 'adapters', name: 'delete an adapter', check: isNothing },
      make: (turn) => own.adapters.remove(made.adapterId(unused[turn]!)),
    },
    {
      ...{ group: 'adapters', name: 'delete an adapter that 1 in 100 jobs read (refused)' },
      make: () => own.adapters.remove(made.adapterId(POPULAR_ADAPTER)).catch((error: unknown) => error),
      check: (answer) => answer instanceof AppError && answer.code === 'ADAPTER_IN_USE',
    },
  ];
}

function batchCalls(own: Workspace, made: GeneratedRows, { jobs }: Amounts): Call[] {
  const middle = made.batchIdOf(made.firstOfBatch(Math.floor(jobs / 2)));
  const lists: readonly Listed[] = [
    ['first page', 'some', {}],
    ['page in the middle', 'some', {}, middle],
    ['last page', 'some', {}, made.batchIdOf(made.firstOfBatch(jobs / 10))],
    ['state active', 'some', { states: ['active'] }],
    ['state failed (no match)', 'none', { states: ['failed'] }],
    ['label on 1 in 20', 'some', { labels: [COMMON] }],
    ['label on 1 in 20, state failed (no match)', 'none', { labels: [COMMON], states: ['failed'] }],
  ];
  return [
    ...lists.map(([name, wanted, filter, after]) => ({
      ...({ group: 'batches', name, check: isWanted(wanted) } as const),
      make: () => own.batches.page(filter as BatchFilter, { limit: DEFAULT_LIMIT, after }),
    })),
    {
      group: 'batches',
      name: 'get a batch of 20 jobs',
      make: () => own.batches.get(middle),
      check: isObject,
    },
  ];
}

/** The position in a list after which there is exactly one more page. */
function lastPlace(made: GeneratedRows, idOf: (index: number) => string): string {
  const oldest = [...made.largeIn(0, 3 * BLOCK)];
  return idOf(oldest[DEFAULT_LIMIT]!);
}

/** Rows to delete, of all ages: those in odd blocks, whose adapters no waiting job reads. */
function spread(made: GeneratedRows, rows: number, calls: number): number[] {
  const all = [...made.largeIn(0, rows)].filter((index) => Math.floor(index / BLOCK) % 2 === 1);
  const step = Math.max(1, Math.floor(all.length / (calls + WARM_UP)));
  return all.filter((_, i) => i % step === 0);
}

/** Calls of each kind that are made first and not counted. */
export const WARM_UP = 5;
