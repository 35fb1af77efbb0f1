import { readFile } from 'node:fs/promises';
import type { Adapter } from '../adapter/adapter.ts';
import { CONFIG_FILE } from '../adapter/file-names.ts';
import type { Verdict } from '../contract/serving.ts';
import type { Target } from '../contract/target.ts';
import { readAdapter } from '../formats/read-adapter.ts';
import type { AppliedTarget } from '../serving/apply-profile.ts';
import { judge } from '../serving/judge.ts';
import type { OutputFile } from './job-context.ts';

/** Rules that writing an adapter anew can satisfy although its ranks and dtypes stay: its scales move into B. */
const CURED_BY_FOLDING = ['scale', 'no-patterns'];

/** Judges what was written, as it is on disk; null without a profile. */
export async function verdictOnResult(
  { profile, limits }: AppliedTarget,
  files: readonly OutputFile[],
): Promise<Verdict | null> {
  if (!profile) return null;
  const config = files.find(({ name }) => name === CONFIG_FILE);
  const { adapter } = await readAdapter({
    weightsPath: files[0]!.path,
    configBytes: config ? await readFile(config.path) : null,
  });
  return judge(profile, { adapter, files }, limits);
}

/** Judges the source, for a target that it satisfies as it is; null without a profile. */
export function verdictOnSource(
  { profile, limits }: AppliedTarget,
  adapter: Adapter,
  files: readonly { readonly name: string; readonly bytes: number }[],
): Verdict | null {
  if (!profile) return null;
  return judge(profile, { adapter, files }, limits);
}

/** Whether the source has the ranks but not the scales that its place of use needs. */
export const needsFolding = (target: Target, verdict: Verdict | null): boolean =>
  target.scale === 'fold' &&
  (verdict?.rules ?? []).some(({ rule, passed }) => !passed && CURED_BY_FOLDING.includes(rule));
