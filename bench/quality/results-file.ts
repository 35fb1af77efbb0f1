import { readFile, writeFile } from 'node:fs/promises';
import type { Plan, Results } from './results.ts';

export async function readResults(path: string): Promise<Results> {
  return JSON.parse(await readFile(path, 'utf8')) as Results;
}

/** JSON with a line for each score: differences between two runs show as lines. */
export async function writeResults(path: string, { scores, bases, ...rest }: Results): Promise<void> {
  const lines = (values: readonly object[]) =>
    `[\n${values.map((value) => `    ${JSON.stringify(value)}`).join(',\n')}\n  ]`;
  const head = JSON.stringify(rest, null, 2).replace(/\n\}$/, '');
  await writeFile(path, `${head},\n  "bases": ${lines(bases)},\n  "scores": ${lines(scores)}\n}\n`);
}

/** Which seeds and which cells there are may differ; all else decides what a score is worth. */
const MAY_DIFFER = new Set<keyof Plan>(['seeds', 'ranks', 'variant_rank']);

/** @throws Error naming the field in which scores of an earlier run are not comparable */
export function refuseOtherPlan(earlier: Plan, plan: Plan): void {
  for (const field of Object.keys(plan) as (keyof Plan)[]) {
    const [before, now] = [earlier[field], plan[field]].map((value) => JSON.stringify(value));
    if (before !== now && !MAY_DIFFER.has(field)) {
      throw new Error(`--resume: the earlier run had ${field} ${before}, this one has ${now}`);
    }
  }
}
