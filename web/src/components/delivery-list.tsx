import type { JobRecord } from '../../../src/contract/job.ts';
import { post } from '../api/request.ts';
import { notifyTopics } from '../state/live.ts';
import { ActionButton } from './action-button.tsx';
import { ProblemBox } from './problem-note.tsx';
import { StateBadge } from './state-badge.tsx';

/** The deliveries of a job's results: their sinks and states. */
export function DeliveryList({ job: { id, deliveries } }: { job: JobRecord }) {
  if (deliveries.length === 0) return null;
  const again = async () => {
    await post(`/v1/jobs/${id}/deliveries/retry`);
    notifyTopics('jobs', `job:${id}`);
  };
  return (
    <section class="stack" aria-label="Deliveries">
      <ul class="plain">
        {deliveries.map(({ place, state, error, commit }, index) => (
          <li key={index}>
            <StateBadge state={state} /> <span class="long">{place}</span>
            {commit && <code> {commit.slice(0, 12)}</code>}
            {error && <ProblemBox problem={error} />}
          </li>
        ))}
      </ul>
      {deliveries.some(({ state }) => state === 'failed') && (
        <div>
          <ActionButton scope="write" onAct={again}>
            Deliver again
          </ActionButton>
        </div>
      )}
    </section>
  );
}
