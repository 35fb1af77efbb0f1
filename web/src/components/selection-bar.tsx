import type { AdapterRecord } from '../../../src/contract/adapter.ts';
import type { BatchRecord, BatchRequest } from '../../../src/contract/batch.ts';
import { post, remove } from '../api/request.ts';
import { notifyTopics } from '../state/live.ts';
import { navigatorFromHere } from '../state/route.ts';
import { ConfirmButton } from './confirm-button.tsx';
import { TextInput } from './form.tsx';
import { FormDialog } from './form-dialog.tsx';
import { TargetFields, targetFromForm } from './target-fields.tsx';

interface SelectionBarProps {
  readonly adapters: readonly AdapterRecord[];
  readonly onIds: (ids: ReadonlySet<string>) => void;
}

const MIN_MERGED = 2;

/** The actions on several selected adapters. */
export function SelectionBar({ adapters, onIds }: SelectionBarProps) {
  const ids = adapters.map(({ id }) => id);
  const count = `${ids.length} ${ids.length === 1 ? 'adapter' : 'adapters'}`;
  const squeeze = async (entered: Parameters<typeof targetFromForm>[0]) => {
    const go = navigatorFromHere();
    const batch = await post<BatchRecord>('/v1/batches', {
      adapter_ids: ids,
      targets: [targetFromForm(entered)],
      ...(entered.has('name') && { name: entered.get('name')! }),
    } satisfies BatchRequest);
    onIds(new Set());
    go(`/batches/${batch.id}`);
  };
  const drop = async () => {
    try {
      for (const id of ids) await remove(`/v1/adapters/${id}`);
      onIds(new Set());
    } finally {
      notifyTopics('adapters');
    }
  };
  return (
    <section class="row selection" aria-label="Selected adapters">
      <span role="status" class={ids.length === 0 ? 'note' : ''}>
        {ids.length === 0
          ? 'Select adapters to squeeze, merge or delete several at once.'
          : `${count} selected`}
      </span>
      {ids.length > 0 && (
        <>
          <FormDialog
            scope="write"
            opener="Squeeze all…"
            title={`Squeeze ${count} as a batch`}
            submit="Squeeze all"
            onSubmit={squeeze}
          >
            <TargetFields
              format={null}
              baseModel={null}
              rank={Math.max(1, Math.floor(Math.min(...adapters.map(({ ranks }) => ranks.max)) / 2))}
            />
            <TextInput label="Name of the batch" name="name" />
          </FormDialog>
          {ids.length >= MIN_MERGED && (
            <a class="button" href={`#/merge?of=${ids.join()}`}>
              Merge…
            </a>
          )}
          <ConfirmButton
            scope="write"
            verb="Delete"
            label={`Delete ${count}`}
            question={`Delete ${count}?`}
            onConfirm={drop}
          >
            <p>The files are deleted at once. The jobs and results of these adapters stay.</p>
          </ConfirmButton>
          <button type="button" class="quiet" onClick={() => onIds(new Set())}>
            Select none
          </button>
        </>
      )}
    </section>
  );
}
