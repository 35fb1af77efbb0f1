import { withUnit } from '../../../../src/charts/format.ts';
import type { WorkerRecord } from '../../../../src/contract/worker.ts';
import { get, type Page, post } from '../../api/request.ts';
import { ConfirmButton } from '../../components/confirm-button.tsx';
import { Panel } from '../../components/panel.tsx';
import { ProblemNote } from '../../components/problem-note.tsx';
import { RecordTable } from '../../components/record-table.tsx';
import { StateBadge } from '../../components/state-badge.tsx';
import { hasKeys } from '../../state/access.ts';
import { notifyTopics } from '../../state/live.ts';
import { useLoaded } from '../../state/use-loaded.ts';
import { formatMoment } from '../../text/format-time.ts';

/** Workers report every five seconds. */
const READ_AGAIN_MS = 5_000;

/** The workers, for an administrator. */
export function WorkersPart() {
  const { value, problem, again } = useLoaded(
    (signal) => get<Page<WorkerRecord>>('/v1/workers', signal),
    [],
    ['workers'],
    READ_AGAIN_MS,
  );
  return (
    <Panel title="Workers">
      <ProblemNote problem={problem} onAgain={again} />
      {value && value.data.length === 0 && (
        <p class="note">No worker is running: jobs wait until one is started.</p>
      )}
      {value && value.data.length > 0 && <WorkerRows workers={value.data} />}
    </Panel>
  );
}

const WorkerRows = ({ workers }: { workers: readonly WorkerRecord[] }) => (
  <RecordTable
    label="Workers"
    rows={workers}
    keyOf={({ id }) => id}
    columns={[
      {
        title: 'Worker',
        cell: ({ id, host }) => (
          <>
            <strong>{host}</strong>
            <span class="note line">{id}</span>
          </>
        ),
      },
      { title: 'State', cell: ({ state }) => <StateBadge state={state} /> },
      { title: 'Active', cell: ({ running, slots }) => `${running} of ${slots}`, isNumber: true },
      { title: 'Execution provider', cell: ({ provider }) => provider, isExtra: true },
      {
        title: 'Speed',
        cell: ({ ms_per_mib: ms }) => (ms === null ? 'not known yet' : `${withUnit(ms, 'ms')} per MiB`),
        isNumber: true,
        isExtra: true,
      },
      { title: 'Last seen', cell: ({ seen_at: at }) => formatMoment(at), isExtra: true },
      {
        title: 'Drain',
        cell: ({ id, host, state }) =>
          state === 'active' &&
          hasKeys() && (
            <ConfirmButton
              scope="admin"
              verb="Drain"
              label={`Drain ${host}`}
              question={`Drain the worker on ${host}?`}
              onConfirm={async () => {
                await post(`/v1/workers/${id}/drain`);
                notifyTopics('workers');
              }}
            >
              <p>
                The worker finishes its running jobs and takes no more jobs until its process is restarted.
                {workers.every((other) => other.id === id || other.state !== 'active') &&
                  ' No other worker is active, so all other jobs wait until one is.'}
              </p>
            </ConfirmButton>
          ),
      },
    ]}
  />
);
