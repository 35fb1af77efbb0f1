import type { AdapterRecord } from '../../../src/contract/adapter.ts';
import type { BatchRecord, BatchRequest } from '../../../src/contract/batch.ts';
import type { Target } from '../../../src/contract/target.ts';
import { post } from '../api/request.ts';
import { navigatorFromHere } from '../state/route.ts';
import { TextInput } from './form.tsx';
import { FormDialog } from './form-dialog.tsx';
import { TargetFields, targetFromForm } from './target-fields.tsx';

interface SqueezeAllFormProps {
  readonly adapters: readonly AdapterRecord[];
  /** The text of the button that opens the form. */
  readonly opener?: string;
  readonly isOpenAtFirst?: boolean;
  /** The choice with which the form begins. */
  readonly initial?: Target | null;
  /** Called when the batch was started, before its page opens. */
  readonly onStarted?: () => void;
}

/** A form that squeezes several adapters of the service as a batch. */
export function SqueezeAllForm(props: SqueezeAllFormProps) {
  const { adapters, opener = 'Squeeze all…', isOpenAtFirst, initial = null, onStarted } = props;
  const least = Math.min(...adapters.map(({ ranks }) => ranks.max));
  const [baseModel = null, ...others] = new Set(adapters.map(({ base_model: base }) => base));
  return (
    <FormDialog
      scope="write"
      opener={opener}
      isOpenAtFirst={isOpenAtFirst}
      title={`Squeeze ${adapters.length} ${adapters.length === 1 ? 'adapter' : 'adapters'} as a batch`}
      submit="Squeeze all"
      onSubmit={async (entered) => {
        const go = navigatorFromHere();
        const batch = await post<BatchRecord>('/v1/batches', {
          adapter_ids: adapters.map(({ id }) => id),
          targets: [targetFromForm(entered)],
          ...(entered.has('name') && { name: entered.get('name')! }),
        } satisfies BatchRequest);
        onStarted?.();
        go(`/batches/${batch.id}`);
      }}
    >
      <TargetFields
        adapters={adapters}
        baseModel={others.length === 0 ? baseModel : null}
        rank={Math.max(1, Math.floor(least / 2))}
        hasPolicies
        initial={initial}
      />
      <TextInput label="Name of the batch" name="name" />
    </FormDialog>
  );
}
