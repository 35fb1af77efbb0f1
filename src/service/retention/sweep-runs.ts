import type { Database } from '../../database/database.ts';
import type { Sweep } from './sweep.ts';

/** Rows that are read at once: SQLite holds up the process for so long. */
const PAGE_ROWS = 1_000;

/** Notes the blobs that the checkpoints of all runs refer to. @throws AppError DATABASE_UNAVAILABLE */
export async function noteCheckpoints(
  { reader }: Pick<Database, 'reader'>,
  { unreferenced }: Pick<Sweep, 'unreferenced'>,
): Promise<void> {
  for (let after = { run: '', sequence: 0 }; ; ) {
    const rows = await reader
      .selectFrom('checkpoint')
      .select(['run', 'sequence', 'modules_sha256', 'optimizer_sha256'])
      .where(({ eb, refTuple, tuple }) =>
        eb(refTuple('run', 'sequence'), '>', tuple(after.run, after.sequence)),
      )
      .orderBy('run')
      .orderBy('sequence')
      .limit(PAGE_ROWS)
      .execute();
    for (const { modules_sha256, optimizer_sha256 } of rows) {
      unreferenced.found(modules_sha256);
      if (optimizer_sha256 !== null) unreferenced.found(optimizer_sha256);
    }
    if (rows.length < PAGE_ROWS) return;
    after = rows.at(-1)!;
  }
}
