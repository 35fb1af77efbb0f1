import { useState } from 'preact/hooks';
import { formatBytes, formatRanks } from '../../../src/charts/format.ts';
import type { BatchRecord } from '../../../src/contract/batch.ts';
import type { BatchForecast } from '../../../src/contract/forecast.ts';
import { post } from '../api/request.ts';
import { ActionButton } from '../components/action-button.tsx';
import { CopyRequest } from '../components/copy-request.tsx';
import { Facts } from '../components/facts.tsx';
import { SelectField } from '../components/field.tsx';
import { Form, type FormValues, LinesInput, TextInput } from '../components/form.tsx';
import { Panel } from '../components/panel.tsx';
import { PlaceInput } from '../components/place-input.tsx';
import { RecordTable } from '../components/record-table.tsx';
import { TargetFields, targetFromForm } from '../components/target-fields.tsx';
import type { FetchedBatchRequest } from '../preview/request-text.ts';
import { isReader } from '../state/access.ts';
import { navigatorFromHere } from '../state/route.ts';
import { useTitle } from '../state/title.ts';
import { formatDuration } from '../text/format-time.ts';

const FROM = { folder: 'All adapters below a folder', list: 'A list of sources' } as const;
type From = keyof typeof FROM;

/** The rank with which the form starts, because these adapters have no analysis. */
const FIRST_RANK = 8;

/** A request with the dry run of its batch. */
interface CheckedBatch {
  readonly request: FetchedBatchRequest;
  readonly batch: BatchRecord;
}

/**
 * A form for a batch of adapters that the service fetches from a folder or from a list of places:
 * `#/batches/new`.
 */
export function NewBatchPage() {
  const [from, setFrom] = useState<From>('folder');
  const [entered, setEntered] = useState<FormValues>(new Map());
  const [checked, setChecked] = useState<CheckedBatch | null>(null);
  useTitle('New batch');
  const request = requestOf(from, entered);
  const check = async (now: FormValues) => {
    const asked = requestOf(from, now);
    const batch = await post<BatchRecord>('/v1/batches', { ...asked, dry_run: true });
    setChecked({ request: asked, batch });
  };
  const isCurrent = checked !== null && JSON.stringify(checked.request) === JSON.stringify(request);
  return (
    <div class="stack">
      <h1>New batch</h1>
      <Panel
        title="Which adapters, and how?"
        note={
          <>
            The service fetches each adapter and squeezes it. To squeeze adapters that are already here,
            select them in <a href="#/adapters">the list of adapters</a>.
          </>
        }
      >
        {isReader() && <p class="note">This key may only read: it cannot start a batch.</p>}
        <Form submit="Check the batch" onSubmit={check} onEntered={setEntered}>
          <SelectField<From>
            label="Squeeze"
            value={from}
            options={Object.entries(FROM) as [From, string][]}
            onValue={setFrom}
          />
          {from === 'folder' ? (
            <PlaceInput label="Folder" name="source_prefix" example="s3://models/in" isFolder />
          ) : (
            <LinesInput
              label="Sources"
              name="sources"
              placeholder={'s3://models/in/support-chat\nhf://owner/adapter@main'}
              note={
                <>
                  One on each line: <code>s3://bucket/folder</code>,{' '}
                  <code>hf://owner/repository@revision</code> or <code>https://…/adapter.safetensors</code>.
                </>
              }
            />
          )}
          <TargetFields adapters={[]} baseModel={null} rank={FIRST_RANK} hasPolicies />
          <PlaceInput label="Deliver the results to" name="deliver" example="s3://models/out" isOptional />
          <TextInput label="Name of the batch" name="name" />
        </Form>
        <CopyRequest request={request} />
      </Panel>
      <div role="status">{isCurrent && <BatchForecastView checked={checked} />}</div>
    </div>
  );
}

function requestOf(from: From, entered: FormValues): FetchedBatchRequest {
  const sources = (entered.get('sources') ?? '').split('\n').map((line) => line.trim());
  return {
    ...(from === 'folder'
      ? { source_prefix: entered.get('source_prefix') ?? '' }
      : { sources: sources.filter((line) => line !== '') }),
    targets: [targetFromForm(entered)],
    ...(entered.has('deliver') && { deliver: entered.get('deliver')! }),
    ...(entered.has('name') && { name: entered.get('name')! }),
  };
}

/** The forecast of the batch, and the button that starts it. */
function BatchForecastView({ checked: { request, batch } }: { checked: CheckedBatch }) {
  const { progress, counts, forecast } = batch;
  const fitting = progress.total - counts.failed;
  const start = async () => {
    const go = navigatorFromHere();
    const { id } = await post<BatchRecord>('/v1/batches', request);
    go(`/batches/${id}`);
  };
  return (
    <Panel title={`The batch has ${counted(progress.total)}`}>
      {counts.failed > 0 && <p>{counted(counts.failed)} would be refused, and the others squeezed.</p>}
      {forecast && <KnownForecast forecast={forecast} />}
      {forecast && forecast.refused.length > 0 && <RefusedItems refused={forecast.refused} />}
      {fitting > 0 && (
        <div class="row">
          <ActionButton scope="write" class="primary" onAct={start}>
            {`Squeeze ${counted(fitting)}`}
          </ActionButton>
        </div>
      )}
    </Panel>
  );
}

/** The few things that are known about adapters before they are fetched. */
function KnownForecast({ forecast: { unknown, reused, rank, bytes, seconds } }: { forecast: BatchForecast }) {
  return (
    <>
      {unknown > 0 && (
        <p class="note">
          The service has to fetch {counted(unknown)} first; sizes and ranks are known after that.
        </p>
      )}
      <Facts
        facts={{
          'Already squeezed': reused > 0 ? counted(reused) : null,
          Rank: rank && formatRanks(rank),
          'Size of the results': rank && formatBytes(bytes),
          'Time on one worker': rank !== null && seconds !== null ? formatDuration(seconds) : null,
        }}
      />
    </>
  );
}

const RefusedItems = ({ refused }: { refused: BatchForecast['refused'] }) => (
  <RecordTable
    label="Refused adapters"
    rows={refused}
    keyOf={({ index }) => index}
    columns={[
      { title: 'Adapter', cell: ({ name }) => name },
      { title: 'Why it is refused', cell: ({ detail }) => detail },
      { title: 'Code', cell: ({ code }) => <code>{code}</code>, isExtra: true },
    ]}
  />
);

const counted = (count: number): string =>
  `${count.toLocaleString('en')} ${count === 1 ? 'adapter' : 'adapters'}`;
