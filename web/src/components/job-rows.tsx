import { shownError } from '../../../src/charts/succeeded.ts';
import { percent } from '../../../src/charts/words.ts';
import type { JobRecord } from '../../../src/contract/job.ts';
import { moment } from '../words/moments.ts';
import { targetInWords } from '../words/target-in-words.ts';
import { StateBadge } from './state-badge.tsx';

/** Jobs as a table; each leads to its page. */
export function JobRows({ jobs }: { jobs: readonly JobRecord[] }) {
  return (
    <table class="rows">
      <thead>
        <tr>
          <th scope="col">Job</th>
          <th scope="col">State</th>
          <th scope="col">Result</th>
          <th scope="col" class="extra">
            Made
          </th>
        </tr>
      </thead>
      <tbody>
        {jobs.map((job) => (
          <tr key={job.id}>
            <td>
              <a href={`#/jobs/${job.id}`}>{titleOf(job)}</a>
              <code class="note ellipsis extra">{job.id}</code>
            </td>
            <td>
              <StateBadge state={job.state} />
            </td>
            <td>{resultOf(job)}</td>
            <td class="extra">{moment(job.created_at)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function titleOf({ kind, request }: JobRecord): string {
  const targets = 'targets' in request ? request.targets : [];
  return targets.length === 0 ? kind : `${kind}: ${targets.map(targetInWords).join('; ')}`;
}

function resultOf({ results, error, state, progress: { done, total } }: JobRecord): string {
  if (error) return error.code;
  if (state === 'active') return total > 0 ? `${done} of ${total}` : '';
  return results
    .map((result) => (result.state === 'failed' ? result.error.code : `error ${percent(shownError(result))}`))
    .join('; ');
}
