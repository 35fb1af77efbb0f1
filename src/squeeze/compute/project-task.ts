import { DTYPE_NAMES } from '../../adapter/dtype-names.ts';
import type { ProjectionSums } from '../../engine/kernel-types.ts';
import type { Kernels } from '../../engine/kernels.ts';
import { AppError, toPlainError } from '../../errors.ts';
import { revive } from '../training/revive.ts';
import { type Busy, clocked, idle } from './busy.ts';
import { chunksOf } from './chunks.ts';
import { readDirections } from './directions-file.ts';
import { type FactorReader, writeBlock } from './factor-files.ts';
import { GRID } from './grid.ts';
import { identity } from './identity.ts';
import type { Projected, ProjectItem, ProjectionOrder, ProjectTask, TaskResults } from './tasks.ts';

/** Pass 2 for some modules. An order fails with NON_FINITE_RESULT, naming the module and the dtype that overflowed. */
export async function project(
  task: ProjectTask,
  kernels: Kernels,
  reader: FactorReader,
): Promise<TaskResults['project']> {
  const busy = idle();
  const measured: Projected[][] = [];
  for (const item of task.items)
    measured.push(await projectItem(task.weightsPath, item, kernels, reader, busy));
  return { measured, busy };
}

async function projectItem(
  weightsPath: string,
  { module, orders, slot }: ProjectItem,
  kernels: Kernels,
  reader: FactorReader,
  busy: Busy,
): Promise<Projected[]> {
  const found = slot && clocked(busy, 'load', () => readDirections(slot));
  const unchanged = identity(module.rank);
  const sums: (ProjectionSums | null)[] = orders.map(() => null);
  const revived = orders.map(() => 0);
  for (const chunk of chunksOf(module)) {
    const { b, a } = clocked(busy, 'load', () => reader.read(weightsPath, module, chunk));
    for (const [index, order] of orders.entries()) {
      const result = await clocked(busy, 'project', () =>
        kernels.project({
          b,
          a,
          directions: found && order.rank < module.rank ? found : unchanged,
          rank: order.rank,
          split: order.split,
          factorB: order.factorB,
          factorA: order.factorA,
          gridB: GRID[order.dtypeB],
          gridA: GRID[order.dtypeA],
          before: sums[index]!,
        }),
      );
      sums[index] = result.sums;
      if (found && order.reviveSeed !== null && order.rank < module.rank) {
        const columns = { n: module.n, left: chunk.columns[0] };
        const source = { seed: order.reviveSeed, module: module.name };
        revived[index] = revive(result.a, found.sigma, order.rank, columns, source);
      }
      clocked(busy, 'write', () => {
        const { pathA, pathB, rank } = order;
        const blockB = { data: result.b, rows: b.rows, columns: rank };
        const blockA = { data: result.a, rows: rank, columns: a.columns };
        const placeB = { offsetBytes: order.offsetB, dtype: order.dtypeB, width: rank };
        const placeA = { offsetBytes: order.offsetA, dtype: order.dtypeA, width: module.n };
        writeBlock(pathB, placeB, blockB, chunk.rows[0], 0);
        writeBlock(pathA, placeA, blockA, 0, chunk.columns[0]);
      });
    }
  }
  const written: Projected[] = [];
  for (const [index, order] of orders.entries()) {
    const result = await clocked(busy, 'project', () =>
      kernels.measure(sums[index]!, module.rank, order.rank),
    );
    const fits = Number.isFinite(result.inner) && Number.isFinite(result.energy);
    written.push(
      fits
        ? { ...result, revived: revived[index]! }
        : { failure: toPlainError(overflow(module.name, order)) },
    );
  }
  return written;
}

function overflow(module: string, { dtypeA, dtypeB }: ProjectionOrder): AppError {
  const dtypes = [...new Set([dtypeA, dtypeB])].map((dtype) => DTYPE_NAMES[dtype]).join(' and ');
  return new AppError(
    'NON_FINITE_RESULT',
    `The squeezed factors of module "${module}" do not fit ${dtypes}: a number overflows. Ask for dtype "float32".`,
    { module, dtype: dtypes },
  );
}
