import { asFileName } from '../../../src/adapter/file-names.ts';
import { formatProgress } from '../../../src/charts/format.ts';
import type { BatchRecord } from '../../../src/contract/batch.ts';
import type { BatchItem } from '../../../src/contract/batch-item.ts';
import { download } from '../api/download.ts';
import { get, post, remove } from '../api/request.ts';
import { ActionButton } from '../components/action-button.tsx';
import { BatchProgress } from '../components/batch-progress.tsx';
import { ConfirmButton } from '../components/confirm-button.tsx';
import { EditableName } from '../components/editable-name.tsx';
import { Facts } from '../components/facts.tsx';
import { FailedPage } from '../components/failed-page.tsx';
import { SelectFilter } from '../components/filters.tsx';
import { LabelList } from '../components/label-list.tsx';
import { PagesOf } from '../components/pages-of.tsx';
import { Panel } from '../components/panel.tsx';
import { RecordTable } from '../components/record-table.tsx';
import { StateBadge } from '../components/state-badge.tsx';
import { notifyTopics } from '../state/live.ts';
import { navigatorFromHere, type Query } from '../state/route.ts';
import { useTitle } from '../state/title.ts';
import { useLoaded } from '../state/use-loaded.ts';
import { formatMoment } from '../text/format-time.ts';

const ITEM_STATES = [
  ['queued', 'Queued'],
  ['active', 'Active'],
  ['succeeded', 'Succeeded'],
  ['partial', 'Partial'],
  ['failed', 'Failed'],
  ['cancelled', 'Cancelled'],
] as const;

/** The page of a batch: its progress, and the outcome of each item. */
export function BatchPage({ id, query }: { id: string; query: Query }) {
  const { value: batch, problem } = useLoaded(
    (signal) => get<BatchRecord>(`/v1/batches/${id}`, signal),
    [id],
    ['batches'],
  );
  useTitle(batch && tabTitle(batch));
  if (problem) return <FailedPage title="Batch" problem={problem} />;
  if (!batch) return <p class="note">Loading…</p>;
  return (
    <div class="stack">
      <Head batch={batch} />
      <Panel title="Items">
        <div class="filters">
          <SelectFilter label="State" name="state" query={query} options={ITEM_STATES} />
        </div>
        <PagesOf<BatchItem>
          path={`/v1/batches/${id}/items`}
          query={query}
          topic="batches"
          empty="No item is in this state."
        >
          {(items) => <ItemRows items={items} />}
        </PagesOf>
      </Panel>
    </div>
  );
}

const titleOf = ({ progress }: BatchRecord): string =>
  `Batch of ${progress.total.toLocaleString('en')} ${progress.total === 1 ? 'item' : 'items'}`;

function tabTitle(batch: BatchRecord): string {
  const { state, progress, name } = batch;
  const marks = { succeeded: '✓', partial: '!', failed: '✗', cancelled: '✗' } as const;
  const mark =
    state === 'active' ? formatProgress(progress.done / Math.max(1, progress.total)) : marks[state];
  return `${mark} ${name ?? titleOf(batch)}`;
}

function Head({ batch }: { batch: BatchRecord }) {
  const { id, state } = batch;
  const changed = () => notifyTopics('batches');
  return (
    <section class="panel">
      <div class="panel-head">
        <EditableName
          path={`/v1/batches/${id}`}
          name={batch.name}
          title={titleOf(batch)}
          isOptional
          onChanged={changed}
        />
        <span role="status">
          <StateBadge state={state} />
        </span>
      </div>
      <BatchProgress batch={batch} />
      <Facts
        facts={{
          Created: formatMoment(batch.created_at),
          Finished: batch.finished_at && formatMoment(batch.finished_at),
          'Retry of': batch.retry_of && <a href={`#/batches/${batch.retry_of}`}>an earlier batch</a>,
          Expires: batch.expires_at && formatMoment(batch.expires_at),
          ID: <code>{id}</code>,
        }}
      />
      <LabelList path={`/v1/batches/${id}`} labels={batch.labels} list="batches" onChanged={changed} />
      <Actions batch={batch} />
    </section>
  );
}

function Actions({ batch: { id, name, state, counts } }: { batch: BatchRecord }) {
  const base = `/v1/batches/${id}`;
  const hasResults = counts.succeeded + counts.partial > 0;
  const hasRest = counts.failed + counts.partial + counts.cancelled > 0;
  const retry = async () => {
    const go = navigatorFromHere();
    const made = await post<BatchRecord>(`${base}/retry`);
    go(`/batches/${made.id}`);
  };
  const cancel = async () => {
    await post(`${base}/cancel`);
    notifyTopics('batches');
  };
  const drop = async () => {
    const go = navigatorFromHere();
    await remove(base);
    notifyTopics('batches', 'jobs');
    go('/batches');
  };
  return (
    <div class="row">
      {hasResults && (
        <ActionButton scope="read" onAct={() => download(`${base}/archive`, `${asFileName(name ?? id)}.zip`)}>
          ↓ All results as zip
        </ActionButton>
      )}
      {state === 'active' ? (
        <ConfirmButton
          scope="write"
          verb="Cancel the batch"
          question="Cancel the unfinished items of this batch?"
          onConfirm={cancel}
        >
          <p>Items that have succeeded stay.</p>
        </ConfirmButton>
      ) : (
        <>
          {hasRest && (
            <ActionButton scope="write" onAct={retry}>
              Try the rest again
            </ActionButton>
          )}
          <ConfirmButton scope="write" verb="Delete" question="Delete this batch?" onConfirm={drop}>
            <p>The jobs of the batch and their reports are deleted too. The results stay.</p>
          </ConfirmButton>
        </>
      )}
    </div>
  );
}

const ItemRows = ({ items }: { items: readonly BatchItem[] }) => (
  <RecordTable
    label="Items"
    rows={items}
    keyOf={({ index }) => index}
    columns={[
      {
        title: 'Item',
        cell: ({ name, job_id: job }) => (job === null ? name : <a href={`#/jobs/${job}`}>{name}</a>),
      },
      { title: 'State', cell: ({ state }) => <StateBadge state={state} /> },
      {
        title: 'Result',
        cell: ({ error, results }) =>
          error?.detail ??
          results.map(({ adapter_id: adapter }, index) => (
            <a key={adapter} class="line" href={`#/adapters/${adapter}`}>
              {results.length === 1 ? 'Adapter' : `Adapter ${index + 1}`}
            </a>
          )),
      },
      { title: 'Finished', cell: ({ finished_at: at }) => (at ? formatMoment(at) : ''), isExtra: true },
    ]}
  />
);
