import type { AdapterRecord } from '../../../src/contract/adapter.ts';
import type { JobRequest } from '../../../src/contract/job-request.ts';
import { get, type Page } from '../api/request.ts';
import { startJob } from '../api/start-job.ts';
import { SelectField } from '../components/field.tsx';
import { Form, type FormValues, TextInput } from '../components/form.tsx';
import { Panel } from '../components/panel.tsx';
import { ProblemNote } from '../components/problem-note.tsx';
import { TargetFields, targetFromForm } from '../components/target-fields.tsx';
import { hasScope } from '../state/access.ts';
import { navigatorFromHere, type Query, setQuery } from '../state/route.ts';
import { useLoaded } from '../state/use-loaded.ts';
import { rankRange } from '../text/describe-target.ts';
import { distinctNames } from '../text/distinct-names.ts';

/** A weighted sum of adapters, squeezed: `#/merge?of=ad_1,ad_2`. */
export function MergePage({ query }: { query: Query }) {
  const ids = (query.of ?? '').split(',').filter(Boolean);
  const chosen = useLoaded(
    (signal) => Promise.all(ids.map((id) => get<AdapterRecord>(`/v1/adapters/${id}`, signal))),
    [query.of],
  );
  const others = useLoaded((signal) => get<Page<AdapterRecord>>('/v1/adapters?limit=200', signal), []);
  const setIds = (next: readonly string[]) => setQuery({ ...query, of: next.join() });
  const adapters = chosen.value ?? [];
  const names = distinctNames([...adapters, ...(others.value?.data ?? [])]);
  return (
    <div class="stack">
      <h1>Merge adapters</h1>
      <Panel
        title="Adapters to merge"
        note="The result is the weighted sum of their updates, squeezed. All of them need the same base model."
      >
        <ProblemNote problem={chosen.problem ?? others.problem} onAgain={chosen.again} />
        <ul class="plain">
          {adapters.map((adapter) => (
            <li key={adapter.id}>
              <a href={`#/adapters/${adapter.id}`}>{names.get(adapter.id)}</a>, {described(adapter)}{' '}
              <button
                type="button"
                class="link"
                aria-label={`Remove ${names.get(adapter.id)}`}
                onClick={() => setIds(ids.filter((one) => one !== adapter.id))}
              >
                Remove
              </button>
            </li>
          ))}
        </ul>
        <AddField
          adapters={others.value?.data ?? []}
          names={names}
          ids={ids}
          like={adapters[0]}
          onIds={setIds}
        />
      </Panel>
      {adapters.length > 1 && hasScope('write') && (
        <MergeForm key={query.of} adapters={adapters} names={names} />
      )}
    </div>
  );
}

const described = ({ ranks, format, base_model: base }: AdapterRecord): string =>
  [`rank ${rankRange(ranks)}`, format, base].filter(Boolean).join(', ');

interface AddFieldProps {
  readonly adapters: readonly AdapterRecord[];
  readonly names: ReadonlyMap<string, string>;
  readonly ids: readonly string[];
  /** The first chosen adapter; the others must have the same base model. */
  readonly like: AdapterRecord | undefined;
  readonly onIds: (ids: readonly string[]) => void;
}

function AddField({ adapters, names, ids, like, onIds }: AddFieldProps) {
  const fitting = adapters.filter(
    ({ id, base_model: base }) =>
      !ids.includes(id) && (!like?.base_model || base === null || base === like.base_model),
  );
  return (
    <SelectField
      label="Add an adapter"
      value=""
      options={[
        ['', fitting.length === 0 ? 'No other adapter has this base model' : 'Choose one'],
        ...fitting.map((one) => [one.id, `${names.get(one.id)}, ${described(one)}`] as const),
      ]}
      onValue={(id) => onIds([...ids, id])}
    />
  );
}

function MergeForm({ adapters, names }: Pick<AddFieldProps, 'adapters' | 'names'>) {
  const [first] = adapters;
  const other = adapters.find(
    ({ base_model: base }) => base !== null && first!.base_model !== null && base !== first!.base_model,
  );
  if (other)
    return (
      <p class="problem">
        {names.get(first!.id)} is for {first!.base_model}, and {names.get(other.id)} is for {other.base_model}
        . Only adapters for the same base model can be merged: remove one of them.
      </p>
    );
  const isOneFormat = adapters.every(({ format }) => format === first!.format);
  const sumOfRanks = adapters.reduce((sum, { ranks }) => sum + ranks.max, 0);
  const start = async (entered: FormValues) => {
    const go = navigatorFromHere();
    const job = await startJob({
      kind: 'merge',
      sources: adapters.map(({ id }) => ({ adapter_id: id, weight: Number(entered.get(`weight-${id}`)) })),
      targets: [targetFromForm(entered)],
      ...(entered.has('name') && { name: entered.get('name')! }),
    } satisfies JobRequest);
    go(`/jobs/${job.id}`);
  };
  return (
    <Panel title="Result">
      <Form submit="Merge" onSubmit={start}>
        {adapters.map(({ id }) => (
          <TextInput
            key={id}
            label={`Weight of ${names.get(id)}`}
            name={`weight-${id}`}
            type="number"
            value="1"
            isRequired
          />
        ))}
        <TargetFields
          adapters={isOneFormat ? adapters : []}
          baseModel={first!.base_model}
          rank={Math.max(...adapters.map(({ ranks }) => ranks.max))}
          rankNote={`Rank ${sumOfRanks}, the sum of the adapters’ ranks, loses nothing; a smaller rank may.`}
        />
        <TextInput label="Name of the job" name="name" />
      </Form>
    </Panel>
  );
}
