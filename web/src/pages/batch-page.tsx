import { useState } from 'preact/hooks';
import { asFileName } from '../../../src/adapter/file-names.ts';
import { formatProgress } from '../../../src/charts/format.ts';
import type { AdapterRecord } from '../../../src/contract/adapter.ts';
import type { BatchRecord } from '../../../src/contract/batch.ts';
import type { BatchItem } from '../../../src/contract/batch-item.ts';
import type { JobRecord } from '../../../src/contract/job.ts';
import type { Target } from '../../../src/contract/target.ts';
import { download } from '../api/download.ts';
import { ProblemError } from '../api/problem.ts';
import { get, type Page, post, remove } from '../api/request.ts';
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
import { SqueezeAllForm } from '../components/squeeze-all-form.tsx';
import { StateBadge } from '../components/state-badge.tsx';
import { notifyTopics } from '../state/live.ts';
import { navigatorFromHere, type Query } from '../state/route.ts';
import { useTitle } from '../state/title.ts';
import { useEndedJobs } from '../state/use-ended-jobs.ts';
import { useLoaded } from '../state/use-loaded.ts';
import { describeTarget } from '../text/describe-target.ts';
import { formatMoment } from '../text/format-time.ts';
import { describeResult, resultOf } from '../text/job-text.ts';

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

function Actions({ batch }: { batch: BatchRecord }) {
  const { id, name, state, counts } = batch;
  const base = `/v1/batches/${id}`;
  const hasResults = counts.succeeded + counts.partial > 0;
  const rest = counts.failed + counts.partial + counts.cancelled;
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
          {counts.failed > 0 && counts.failed <= MAX_CHANGED && <ChangeForm batch={batch} />}
          {rest > 0 && (
            <ActionButton scope="write" onAct={retry}>
              {`Try ${rest.toLocaleString('en')} ${rest === 1 ? 'item' : 'items'} again`}
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

/** The adapters are read one by one, so the form is not offered for more of them than one page of a list. */
const MAX_CHANGED = 200;

/** A form that squeezes the adapters of the failed items with another choice; it begins with the choice of the batch. */
function ChangeForm({ batch: { id } }: { batch: BatchRecord }) {
  const [adapters, setAdapters] = useState<readonly AdapterRecord[]>([]);
  const [initial, setInitial] = useState<Target | null>(null);
  const opener = 'Change and run again…';
  const load = async () => {
    const { data } = await get<Page<BatchItem>>(`/v1/batches/${id}/items?state=failed&limit=${MAX_CHANGED}`);
    const ids = new Set(
      data.flatMap(({ kind, adapter_id: adapter }) => (kind === 'squeeze' && adapter) || []),
    );
    const found = await Promise.allSettled(
      [...ids].map((adapter) => get<AdapterRecord>(`/v1/adapters/${adapter}`)),
    );
    const existing = found.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    if (existing.length === 0)
      throw new ProblemError({
        title: 'There is nothing to squeeze',
        detail: 'The service no longer has, or never had, the adapters of the failed items.',
        code: 'ADAPTER_NOT_FOUND',
        status: 404,
        retryable: false,
      });
    setInitial(await targetOfBatch(id));
    setAdapters(existing);
  };
  return adapters.length === 0 ? (
    <ActionButton scope="write" onAct={load}>
      {opener}
    </ActionButton>
  ) : (
    <SqueezeAllForm adapters={adapters} opener={opener} isOpenAtFirst initial={initial} />
  );
}

/** The first target of a job of the batch; null if no item has a job that squeezes. */
async function targetOfBatch(id: string): Promise<Target | null> {
  const { data } = await get<Page<BatchItem>>(`/v1/batches/${id}/items?limit=${MAX_CHANGED}`);
  const jobId = data.find((item) => item.kind === 'squeeze' && item.job_id !== null)?.job_id;
  if (!jobId) return null;
  const { request } = await get<JobRecord>(`/v1/jobs/${jobId}`);
  return request.kind === 'squeeze' ? request.targets[0]! : null;
}

function ItemRows({ items }: { items: readonly BatchItem[] }) {
  const jobOf = useEndedJobs(
    items.flatMap(({ job_id: job, finished_at: at }) => (job !== null && at !== null ? job : [])),
  );
  return (
    <RecordTable
      label="Items"
      rows={items}
      keyOf={({ index }) => index}
      columns={[
        {
          title: 'Item',
          cell: ({ name, job_id: job, adapter_id: adapter }) => {
            const to = job === null ? adapter && `#/adapters/${adapter}` : `#/jobs/${job}`;
            return to ? <a href={to}>{name}</a> : name;
          },
        },
        { title: 'State', cell: ({ state }) => <StateBadge state={state} /> },
        {
          title: 'Result',
          cell: ({ error, results, job_id: job }) => (
            <>
              {error && <span class="line">{error.detail}</span>}
              {results.map(({ adapter_id: adapter }, index) => {
                const ended = jobOf(job);
                const result = ended && resultOf(ended, adapter);
                return (
                  <span key={adapter} class="line">
                    <a href={`#/adapters/${adapter}`}>
                      {result ? describeTarget(result.target) : `Adapter ${index + 1}`}
                    </a>
                    {result && `: ${describeResult(result)}`}
                  </span>
                );
              })}
            </>
          ),
        },
        { title: 'Finished', cell: ({ finished_at: at }) => (at ? formatMoment(at) : ''), isExtra: true },
      ]}
    />
  );
}
