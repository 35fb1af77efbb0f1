import type { AdapterRecord } from '../../../src/contract/adapter.ts';
import { remove } from '../api/request.ts';
import { notifyTopics } from '../state/live.ts';
import { ConfirmButton } from './confirm-button.tsx';
import { SqueezeAllForm } from './squeeze-all-form.tsx';

interface SelectionBarProps {
  readonly adapters: readonly AdapterRecord[];
  readonly onIds: (ids: ReadonlySet<string>) => void;
}

const MIN_MERGED = 2;

/** The actions on several selected adapters. */
export function SelectionBar({ adapters, onIds }: SelectionBarProps) {
  const ids = adapters.map(({ id }) => id);
  const count = `${ids.length} ${ids.length === 1 ? 'adapter' : 'adapters'}`;
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
          <SqueezeAllForm adapters={adapters} onStarted={() => onIds(new Set())} />
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
