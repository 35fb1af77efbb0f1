import { useState } from 'preact/hooks';
import type { DeliveryRecord, RotatedSecret, WebhookRecord } from '../../../../src/contract/webhook.ts';
import { get, patch, post, remove } from '../../api/request.ts';
import { ActionButton } from '../../components/action-button.tsx';
import { ConfirmButton } from '../../components/confirm-button.tsx';
import { Facts } from '../../components/facts.tsx';
import { SelectFilter } from '../../components/filters.tsx';
import { PagesOf } from '../../components/pages-of.tsx';
import { Panel } from '../../components/panel.tsx';
import { ProblemNote } from '../../components/problem-note.tsx';
import { RecordTable } from '../../components/record-table.tsx';
import { SecretNote } from '../../components/secret-note.tsx';
import { StateBadge } from '../../components/state-badge.tsx';
import { notifyTopics } from '../../state/live.ts';
import { navigatorFromHere, type Query } from '../../state/route.ts';
import { useLoaded } from '../../state/use-loaded.ts';
import { formatDuration, formatMoment } from '../../text/format-time.ts';

const STATES = [
  ['pending', 'Pending'],
  ['delivered', 'Delivered'],
  ['failed', 'Failed'],
] as const;

/** The interval at which deliveries are read again while they are shown: no event reports them. */
const READ_AGAIN_MS = 3_000;

/** A webhook with its actions and its deliveries. */
export function WebhookPanels({ id, query }: { id: string; query: Query }) {
  const path = `/v1/webhooks/${id}`;
  const { value, problem, again } = useLoaded(
    (signal) => get<WebhookRecord>(path, signal),
    [id],
    ['webhooks'],
  );
  const [secret, setSecret] = useState<string | null>(null);
  if (problem) return <ProblemNote problem={problem} onAgain={again} />;
  if (!value) return <p class="note">Loading…</p>;
  return (
    <>
      <Panel title={value.url} actions={<StateBadge state={value.enabled ? 'enabled' : 'disabled'} />}>
        {secret !== null && (
          <SecretNote title="The new secret" secret={secret} onDone={() => setSecret(null)} />
        )}
        <Facts
          facts={{
            Description: value.description,
            Events: value.events.join(', '),
            'Required labels': Object.entries(value.labels)
              .map(([name, text]) => `${name}:${text}`)
              .join(', '),
            'Why it is disabled': value.disabled_reason,
            Created: formatMoment(value.created_at),
            ID: <code>{id}</code>,
          }}
        />
        <Actions webhook={value} onSecret={setSecret} />
      </Panel>
      <Panel title="Deliveries" note="Kept for 30 days, the newest first.">
        <div class="filters">
          <SelectFilter label="State" name="state" query={query} options={STATES} />
        </div>
        <PagesOf<DeliveryRecord>
          path={`${path}/deliveries`}
          query={query}
          topic="webhooks"
          everyMs={READ_AGAIN_MS}
          empty="There is no such delivery."
        >
          {(deliveries) => <DeliveryRows path={path} deliveries={deliveries} />}
        </PagesOf>
      </Panel>
    </>
  );
}

interface ActionsProps {
  readonly webhook: WebhookRecord;
  readonly onSecret: (secret: string) => void;
}

function Actions({ webhook: { id, url, enabled }, onSecret }: ActionsProps) {
  const path = `/v1/webhooks/${id}`;
  const act = (ask: () => Promise<unknown>) => async () => {
    await ask();
    notifyTopics('webhooks');
  };
  const rotate = async () => onSecret((await post<RotatedSecret>(`${path}/rotate-secret`, {})).secret);
  const drop = async () => {
    const go = navigatorFromHere();
    await remove(path);
    go('/settings/webhooks');
  };
  return (
    <div class="row">
      <ActionButton scope="write" onAct={act(() => post(`${path}/test`))}>
        Send a test
      </ActionButton>
      <ActionButton scope="write" onAct={act(() => patch(path, { enabled: !enabled }))}>
        {enabled ? 'Disable' : 'Enable'}
      </ActionButton>
      <ConfirmButton
        scope="write"
        verb="Replace the secret"
        question={`Replace the secret of ${url}?`}
        onConfirm={rotate}
      >
        <p>
          The current secret also signs for another day, so that you can update the receiver without losing
          events.
        </p>
      </ConfirmButton>
      <ConfirmButton scope="write" verb="Delete" question={`Delete the webhook ${url}?`} onConfirm={drop}>
        <p>The deliveries of the webhook are deleted too.</p>
      </ConfirmButton>
    </div>
  );
}

function DeliveryRows({ path, deliveries }: { path: string; deliveries: readonly DeliveryRecord[] }) {
  const again = async (id: string) => {
    await post(`${path}/deliveries/${id}/redeliver`);
    notifyTopics('webhooks');
  };
  return (
    <RecordTable
      label="Deliveries"
      rows={deliveries}
      keyOf={({ id }) => id}
      columns={[
        {
          title: 'Event',
          cell: ({ type, subject }) => (
            <>
              {subject === null ? type : <a href={`#/${placeOf(subject)}/${subject}`}>{type}</a>}
              <span class="note line">{subject ?? ''}</span>
            </>
          ),
        },
        { title: 'State', cell: ({ state }) => <StateBadge state={state} /> },
        {
          title: 'Last attempt',
          cell: ({ attempts, next_attempt_at: next }) => {
            const last = attempts.at(-1);
            if (!last) return 'not tried yet';
            const outcome = last.error ?? `${last.status} after ${formatDuration(last.ms / 1000)}`;
            return `${attempts.length}: ${outcome}${next ? `, next ${formatMoment(next)}` : ''}`;
          },
        },
        { title: 'Created', cell: (delivery) => formatMoment(delivery.created_at), isExtra: true },
        {
          title: 'Again',
          cell: ({ id, type }) => (
            <ActionButton scope="write" label={`Send ${type} again`} onAct={() => again(id)}>
              Send again
            </ActionButton>
          ),
        },
      ]}
    />
  );
}

const placeOf = (id: string): string => (id.startsWith('job_') ? 'jobs' : 'batches');
