import type { JobRecord } from '../../../src/contract/job.ts';
import { post } from '../api/request.ts';
import { notifyTopics } from '../state/live.ts';
import { describeProgress } from '../text/job-progress.ts';
import { ActionButton } from './action-button.tsx';
import { Bar } from './bar.tsx';

/** The progress of a job, with a button to cancel it. */
export function JobProgress({ job }: { job: JobRecord }) {
  const { phase, counted, share, left } = describeProgress(job, Date.now());
  const cancel = async () => {
    await post(`/v1/jobs/${job.id}/cancel`);
    notifyTopics('jobs', `job:${job.id}`);
  };
  return (
    <div class="job-progress">
      <p class="row spread">
        {/* Only the phase is announced: reading out every module would be too much. */}
        <span role="status">{phase}</span>
        <span class="note">{[counted, left].filter(Boolean).join(', ')}</span>
      </p>
      <Bar share={share} label="Job" />
      <div class="row spread">
        <code class="note ellipsis">{job.progress.module ?? ' '}</code>
        <ActionButton scope="write" onAct={cancel}>
          Cancel
        </ActionButton>
      </div>
    </div>
  );
}
