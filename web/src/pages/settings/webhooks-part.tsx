import { useState } from 'preact/hooks';
import type { NewWebhook, WebhookRecord, WebhookRequest } from '../../../../src/contract/webhook.ts';
import { get, type Page, post } from '../../api/request.ts';
import { type FormValues, TextInput, Ticks } from '../../components/form.tsx';
import { FormDialog } from '../../components/form-dialog.tsx';
import { Panel } from '../../components/panel.tsx';
import { ProblemNote } from '../../components/problem-note.tsx';
import { RecordTable } from '../../components/record-table.tsx';
import { SecretNote } from '../../components/secret-note.tsx';
import { StateBadge } from '../../components/state-badge.tsx';
import { notifyTopics } from '../../state/live.ts';
import { useLoaded } from '../../state/use-loaded.ts';
import type { PartProps } from './settings-page.tsx';
import { WebhookPanels } from './webhook-panels.tsx';

type EventType = WebhookRecord['events'][number];

const EVENTS: readonly (readonly [EventType, string, boolean])[] = [
  ['job.queued', 'job.queued: accepted, or waiting for another attempt', false],
  ['job.started', 'job.started: an attempt began', false],
  ['job.succeeded', 'job.succeeded', true],
  ['job.partial', 'job.partial: some targets failed', true],
  ['job.failed', 'job.failed', true],
  ['job.cancelled', 'job.cancelled', true],
  ['batch.ended', 'batch.ended', true],
];

/** All webhooks, or one webhook with its deliveries. The secret of a new webhook is shown once. */
export function WebhooksPart({ id, query }: PartProps) {
  return id === undefined ? <AllWebhooks /> : <WebhookPanels id={id} query={query} />;
}

function AllWebhooks() {
  const [made, setMade] = useState<NewWebhook | null>(null);
  const { value, problem, again } = useLoaded(
    (signal) => get<Page<WebhookRecord>>('/v1/webhooks', signal),
    [],
    ['webhooks'],
  );
  const create = async (entered: FormValues) => {
    const request: WebhookRequest = {
      url: entered.get('url')!,
      events: (entered.get('events') ?? '').split(' ').filter(Boolean) as EventType[],
      description: entered.get('description') ?? '',
    };
    setMade(await post<NewWebhook>('/v1/webhooks', request));
    notifyTopics('webhooks');
  };
  return (
    <Panel
      title="Webhooks"
      note="The service calls these addresses when something happens, and signs each call with the webhook’s secret."
      actions={
        <FormDialog
          scope="write"
          opener="New webhook…"
          class="primary"
          title="New webhook"
          submit="Create the webhook"
          onSubmit={create}
        >
          <TextInput
            label="Address"
            name="url"
            type="url"
            placeholder="https://ml.example.com/hooks/lora-squeeze"
            isRequired
          />
          <TextInput label="Description" name="description" />
          <Ticks legend="Events" name="events" options={EVENTS} />
        </FormDialog>
      }
    >
      {made && (
        <SecretNote title={`The secret of ${made.url}`} secret={made.secret} onDone={() => setMade(null)} />
      )}
      <ProblemNote problem={problem} onAgain={again} />
      {value && value.data.length === 0 && <p class="note">There is no webhook yet.</p>}
      {value && value.data.length > 0 && <WebhookRows webhooks={value.data} />}
    </Panel>
  );
}

const WebhookRows = ({ webhooks }: { webhooks: readonly WebhookRecord[] }) => (
  <RecordTable
    label="Webhooks"
    rows={webhooks}
    keyOf={({ id }) => id}
    columns={[
      {
        title: 'Webhook',
        cell: ({ id, url, description }) => (
          <>
            <a href={`#/settings/webhooks/${id}`}>{url}</a>
            <span class="note line">{description}</span>
          </>
        ),
      },
      { title: 'State', cell: ({ enabled }) => <StateBadge state={enabled ? 'enabled' : 'disabled'} /> },
      { title: 'Events', cell: ({ events }) => events.join(', '), isExtra: true },
    ]}
  />
);
