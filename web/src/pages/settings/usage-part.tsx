import { formatBytes } from '../../../../src/charts/format.ts';
import type { UsageRecord } from '../../../../src/contract/tenant.ts';
import { get } from '../../api/request.ts';
import { Panel } from '../../components/panel.tsx';
import { ProblemNote } from '../../components/problem-note.tsx';
import { RecordTable } from '../../components/record-table.tsx';
import { Tiles } from '../../components/tiles.tsx';
import { caller } from '../../state/access.ts';
import { useLoaded } from '../../state/use-loaded.ts';
import { formatDuration, formatRoughly } from '../../text/format-time.ts';

/** What the tenant stores and has used, with its limits. */
export function UsagePart() {
  const { value, problem, again } = useLoaded(
    (signal) => get<UsageRecord>('/v1/usage', signal),
    [],
    ['jobs', 'adapters'],
  );
  if (problem) return <ProblemNote problem={problem} onAgain={again} />;
  if (!value) return <p class="note">Loading…</p>;
  return <UsagePanels usage={value} tenant={caller.value?.tenant ?? ''} />;
}

const ofLimit = (limit: number | null, inWords: (value: number) => string): string =>
  limit === null ? 'no limit' : `of ${inWords(limit)} at most`;
const plain = (value: number): string => value.toLocaleString('en');

export function UsagePanels({ usage, tenant }: { usage: UsageRecord; tenant: string }) {
  const { limits, queue, days } = usage;
  const waits =
    queue.oldest_waiting_seconds === null
      ? 'none waits'
      : `the oldest for ${formatRoughly(queue.oldest_waiting_seconds)}`;
  return (
    <>
      <Panel title={`Tenant ${tenant}`}>
        <Tiles
          tiles={[
            {
              title: 'Storage',
              value: formatBytes(usage.stored_bytes),
              note: `${plain(usage.adapters)} adapters, ${ofLimit(limits.stored_bytes, formatBytes)}`,
            },
            { title: 'Active jobs', value: queue.running, note: ofLimit(limits.max_running, plain) },
            {
              title: 'Queued jobs',
              value: queue.queued,
              note: `${waits}; ${ofLimit(limits.max_queued, plain)}`,
            },
            {
              title: 'Requests a minute',
              value: limits.requests_per_minute === null ? 'no limit' : plain(limits.requests_per_minute),
              note: `weight ${limits.weight}, highest priority ${limits.max_priority}`,
            },
          ]}
        />
      </Panel>
      <Panel title="Day by day" note="Days without any use are left out. Days are those of UTC.">
        <RecordTable
          label="Usage by day"
          rows={days}
          keyOf={({ date }) => date}
          columns={[
            { title: 'Day', cell: ({ date }) => date },
            { title: 'Jobs', cell: ({ jobs }) => plain(jobs), isNumber: true },
            { title: 'Stored', cell: (day) => formatBytes(day.stored_bytes), isNumber: true },
            { title: 'Computing', cell: (day) => formatDuration(day.compute_seconds), isNumber: true },
          ]}
        />
      </Panel>
    </>
  );
}
