import { succeededResults } from '../../../src/charts/succeeded-targets.ts';
import type { JobRecord } from '../../../src/contract/job.ts';

/** The state of a job or the verdict on a module, as a word with a colour. */
export function StateBadge({ state }: { state: string }) {
  return <span class={`badge badge-${state}`}>{state}</span>;
}

/** Whether the results of a job load in the servers of their profiles; nothing without profiles. */
export function VerdictBadge({ job }: { job: JobRecord }) {
  const verdicts = succeededResults(job).flatMap(({ serving }) => serving ?? []);
  if (verdicts.length === 0) return null;
  const broken = verdicts.filter(({ loads }) => !loads).length;
  if (broken === 0) return <span class="badge badge-succeeded">loads</span>;
  const which = verdicts.length === 1 ? '' : `${broken} of ${verdicts.length} `;
  return (
    <span class="badge badge-failed">
      {which}
      {broken === 1 ? 'does' : 'do'} not load
    </span>
  );
}
