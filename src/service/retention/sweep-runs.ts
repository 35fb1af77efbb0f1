import { CHECKPOINTS_PREFIX, isRunId, RUNS_PREFIX, runIdOfKey } from '../layout.ts';
import { RunStore } from '../runs/run-store.ts';
import { keysOf, removeStrays, type Sweep, type SweptSpace } from './sweep.ts';

/** What the checkpoints of runs refer to, remembered from sweep to sweep: a log only grows, and may have thousands. */
export class CheckpointReferences {
  private readonly known = new Map<string, { readonly checkpoints: number; readonly digests: Set<string> }>();

  /** @throws AppError STORAGE_* */
  async of(tenant: string, runs: RunStore, runId: string): Promise<ReadonlySet<string>> {
    const key = `${tenant}/${runId}`;
    const before = this.known.get(key) ?? { checkpoints: 0, digests: new Set<string>() };
    const later = await runs.log(runId, before.checkpoints);
    for (const { modules_sha256, optimizer_sha256 } of later) {
      before.digests.add(modules_sha256);
      if (optimizer_sha256 !== null) before.digests.add(optimizer_sha256);
    }
    this.known.set(key, { checkpoints: before.checkpoints + later.length, digests: before.digests });
    return before.digests;
  }

  /** Forgets a tenant's runs that are gone. */
  keep(tenant: string, runIds: ReadonlySet<string>): void {
    for (const key of this.known.keys()) {
      const [of, runId] = key.split('/') as [string, string];
      if (of === tenant && !runIds.has(runId)) this.known.delete(key);
    }
  }
}

/** Notes the blobs that runs refer to, and removes checkpoints of runs that are gone. */
export async function sweepRuns(
  space: SweptSpace,
  sweep: Sweep,
  references: CheckpointReferences,
): Promise<void> {
  const runs = new RunStore(space.store);
  const runIds = new Set<string>();
  for await (const key of keysOf(space.store, RUNS_PREFIX)) {
    const runId = runIdOfKey(key);
    runIds.add(runId);
    for (const sha256 of await references.of(space.tenant, runs, runId)) sweep.unreferenced.found(sha256);
  }
  references.keep(space.tenant, runIds);
  await removeStrays(space, sweep, CHECKPOINTS_PREFIX, (name) => {
    const runId = name.slice(0, name.indexOf('/'));
    return isRunId(runId) && !runIds.has(runId);
  });
}
