import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { succeededResults } from '../../src/charts/succeeded-targets.ts';
import type { JobRecord, SucceededResult } from '../../src/contract/job.ts';
import type { Target } from '../../src/contract/target.ts';
import { type OracleAdapter, readPeftAdapter } from '../oracle/peft-adapter.ts';
import type { Client } from './client.ts';

/** The share of the energy that energy targets request. */
export const ENERGY = 0.9;

export type MethodName = 'exact' | 'rsvd';
export const METHODS: readonly MethodName[] = ['exact', 'rsvd'];

/**
 * Half the rank (a sixth with rsvd, which does not sketch nearly full rank), rank 2, and each other kind of
 * target. Energy only with the exact method: it needs the whole spectrum, so one such target would prevent
 * sketches for all the others.
 */
export function targetsFor(sourceRank: number, method: MethodName): Target[] {
  const ranks = [
    ...new Set([
      Math.max(1, Math.floor(sourceRank / (method === 'exact' ? 2 : 6))),
      Math.min(2, sourceRank - 1),
    ]),
  ];
  const energies: Target[] = [{ energy: ENERGY }, { energy: ENERGY, uniform: false }];
  return [
    ...ranks.map((rank) => ({ rank })),
    { rank: 2, scale: 'keep' },
    { rank: 2, dtype: 'bfloat16' },
    { rank: 2, dtype: 'float16' },
    ...(method === 'exact' ? energies : []),
  ];
}

/** The result of one target, with its downloaded files as the oracle reads them. */
export interface SqueezedOutput {
  /** For messages: the target. */
  readonly label: string;
  readonly target: Target;
  readonly result: SucceededResult;
  readonly dir: string;
  readonly adapter: OracleAdapter;
}

/** Squeezes to all targets of `targetsFor` and downloads every result into its own folder under `intoDir`. */
export async function squeezeAndDownload(
  client: Client,
  adapterId: string,
  sourceRank: number,
  method: MethodName,
  intoDir: string,
): Promise<{ job: JobRecord; outputs: SqueezedOutput[] }> {
  const targets = targetsFor(sourceRank, method);
  const job = await client.squeeze(adapterId, targets, { method });
  assert.equal(job.state, 'succeeded', JSON.stringify(job.error));
  assert.deepEqual(
    job.results.map(({ target }) => target),
    targets,
  );
  const outputs: SqueezedOutput[] = [];
  for (const [at, result] of succeededResults(job).entries()) {
    const dir = await client.download(result.adapter_id, join(intoDir, String(at)));
    const label = `target ${JSON.stringify(result.target)}`;
    outputs.push({ label, target: result.target, result, dir, adapter: readPeftAdapter(dir) });
  }
  return { job, outputs };
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
