import type { RanksFrom } from '../../../src/charts/rank-bands.ts';
import { validCheckpoints } from '../../../src/charts/run-timeline.ts';
import type { RunRecord } from '../../../src/contract/run.ts';
import { ProblemError } from '../api/problem.ts';
import { get } from '../api/request.ts';
import { useLoaded } from './use-loaded.ts';

interface Modules {
  readonly modules: readonly {
    readonly name: string;
    readonly rank: number;
    readonly shape: readonly [number, number];
  }[];
}

/** The ranks of the modules from a step onwards, and the number of parameters of their factors. */
export interface RankHistory extends RanksFrom {
  readonly parameters: number;
}
type Known = Omit<RankHistory, 'step'>;

/** A cache: the ranks of an adapter's modules never change. */
const known = new Map<string, Known>();

/** @returns null if the adapter was deleted */
async function ranksOf(adapterId: string, signal: AbortSignal): Promise<Known | null> {
  const before = known.get(adapterId);
  if (before) return before;
  try {
    const { modules } = await get<Modules>(`/v1/adapters/${adapterId}/modules`, signal);
    const found = {
      ranks: new Map(modules.map(({ name, rank }) => [name, rank])),
      parameters: modules.reduce((sum, { rank, shape: [m, n] }) => sum + rank * (m + n), 0),
    };
    known.set(adapterId, found);
    return found;
  } catch (error) {
    if (error instanceof ProblemError && (error.problem.status === 404 || error.problem.status === 410))
      return null;
    throw error;
  }
}

/**
 * The ranks of all modules at the start of a run and after each of its squeezes; null until they are known,
 * empty before the first squeeze.
 */
export function useRankHistory(run: RunRecord): readonly RankHistory[] | null {
  const squeezes = validCheckpoints(run).filter(({ decision }) => decision === 'squeeze');
  const wanted = squeezes.flatMap(({ step, source_adapter_id: source, adapter_id: result }, index) => [
    ...(index === 0 && source ? [{ step: 0, id: source }] : []),
    ...(result ? [{ step, id: result }] : []),
  ]);
  const { value } = useLoaded(
    async (signal) => {
      const all = await Promise.all(
        wanted.map(async ({ step, id }) => ({ step, found: await ranksOf(id, signal) })),
      );
      return all.flatMap(({ step, found }) => (found ? [{ step, ...found }] : []));
    },
    [wanted.map(({ id }) => id).join()],
  );
  return value;
}
