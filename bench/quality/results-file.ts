import { readFile, writeFile } from 'node:fs/promises';
import type { BaseScore, Plan, Results, Score } from './results.ts';

/** Lines of JSON: plan, settings and facts in the first; then each base model and each score. */
export async function writeResults(path: string, { scores, bases, ...head }: Results): Promise<void> {
  const lines = [head, ...bases, ...scores].map((value) => `${JSON.stringify(value)}\n`);
  await writeFile(path, lines.join(''));
}

export async function readResults(path: string): Promise<Results> {
  const [head, ...lines] = (await readFile(path, 'utf8')).trimEnd().split('\n');
  const found = lines.map((line) => JSON.parse(line) as Score | BaseScore);
  return {
    ...(JSON.parse(head!) as Omit<Results, 'scores' | 'bases'>),
    bases: found.filter((value) => 'base' in value),
    scores: found.filter((value): value is Score => !('base' in value)),
  };
}

/** Fields in which plans may differ; all others affect the meaning of a score. */
const MAY_DIFFER = new Set<keyof Plan>(['seeds', 'ranks', 'methods']);

/** @throws Error naming the field that makes scores of an earlier run incomparable */
export function refuseOtherPlan(earlier: Plan, plan: Plan): void {
  for (const field of Object.keys(plan) as (keyof Plan)[]) {
    const [before, now] = [earlier[field], plan[field]].map((value) => JSON.stringify(value));
    if (before !== now && !MAY_DIFFER.has(field)) {
      throw new Error(`the earlier run had ${field} ${before}, this one has ${now}: --tune begins anew`);
    }
  }
}
