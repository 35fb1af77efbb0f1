import type { Target } from '../../contract/target.ts';
import type { Sink } from '../../contract/transfer.ts';
import type { Deliver, Include } from '../../contract/transfer-job.ts';
import { counted } from '../../errors/counted.ts';
import { invalidField } from '../../errors/field-errors.ts';

/** The sink of one result. */
export interface Destination {
  readonly target: number;
  readonly to: Sink;
  readonly include?: Include;
}

/**
 * The sinks of a job's results. If one sink is given for several targets, each target gets a folder in
 * it; a single target uses it directly.
 * @throws AppError VALIDATION_FAILED for a target that does not exist, or if several targets cannot have a folder
 *   each
 */
export function resolveDestinations(deliver: Deliver, targets: readonly Target[]): Destination[] {
  if (Array.isArray(deliver))
    return deliver.map((one, index) => checked({ target: 0, ...one }, index, targets.length));
  const { to, include } = typeof deliver === 'string' ? { to: deliver } : deliver;
  const more = include && { include };
  if (targets.length === 1) return [{ target: 0, to, ...more }];
  return targetFolders(targets).map((folder, target) => ({ target, to: inFolder(to, folder), ...more }));
}

/**
 * Names of the folders for several targets below one sink, by what each requests, such as `r16`, `energy-0.95`
 * or `r16-mlx`. If targets request the same, `-2` is appended to the second one.
 */
export function targetFolders(targets: readonly Target[]): string[] {
  const taken = new Set<string>();
  return targets.map((target) => {
    const name = folderOf(target);
    let free = name;
    for (let number = 2; taken.has(free); number++) free = `${name}-${number}`;
    taken.add(free);
    return free;
  });
}

/** The names of policies in folder names. */
const NAMES = {
  rank: 'r',
  energy: 'energy-',
  cumulative: 'cumulative-',
  ratio: 'ratio-',
  tolerance: 'tolerance-',
  budget_bytes: 'bytes-',
  budget_parameters: 'parameters-',
} as const;

function folderOf(target: Target): string {
  const fields = target as Readonly<Record<string, unknown>>;
  const policy = Object.entries(NAMES).find(([field]) => typeof fields[field] === 'number');
  const first = policy
    ? [`${policy[1]}${fields[policy[0]]}`]
    : 'knee' in fields
      ? ['knee']
      : 'rank_pattern' in fields
        ? ['pattern']
        : [];
  const { profile, format, dtype } = target as { profile?: string; format?: string; dtype?: string };
  const others = [profile, format, dtype === 'match' ? undefined : dtype].filter(
    (part) => part !== undefined,
  );
  // The name of a profile may contain any character; a folder of the Hub may not.
  return [...first, ...others].join('-').replaceAll(/[^A-Za-z0-9._-]/g, '_') || 'result';
}

/**
 * A folder in a sink.
 * @param folder without slashes
 * @throws AppError VALIDATION_FAILED if the sink names files
 */
export function inFolder(to: Sink, folder: string): Sink {
  if (typeof to === 'string') return `${to.replace(/\/+$/, '')}/${folder}`;
  if (to.kind === 's3')
    return { ...to, prefix: [to.prefix.replace(/\/+$/, ''), folder].filter(Boolean).join('/') };
  if (to.kind === 'hub') return { ...to, path_in_repo: [to.path_in_repo, folder].filter(Boolean).join('/') };
  const detail =
    '"deliver" names the URLs of single files, which fit one target only; give a sink for each target';
  throw invalidField('/deliver', detail);
}

function checked(destination: Destination, index: number, targets: number): Destination {
  const { target } = destination;
  if (target < targets) return destination;
  const detail = `deliver[${index}].target is ${target}, but the request has ${counted(targets, 'target')}, and their numbers begin at 0`;
  throw invalidField(`/deliver/${index}/target`, detail);
}
