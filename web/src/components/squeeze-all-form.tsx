import type { BatchRecord, BatchRequest } from '../../../src/contract/batch.ts';
import { post } from '../api/request.ts';
import { navigatorFromHere } from '../state/route.ts';
import { TextInput } from './form.tsx';
import { FormDialog } from './form-dialog.tsx';
import { TargetFields, targetFromForm } from './target-fields.tsx';

interface SqueezeAllFormProps {
  readonly adapters: readonly { readonly id: string; readonly rank: number }[];
  /** Called when the batch was started, before its page opens. */
  readonly onStarted: () => void;
}

/** A form that squeezes several adapters of the service as a batch. */
export function SqueezeAllForm({ adapters, onStarted }: SqueezeAllFormProps) {
  const least = Math.min(...adapters.map(({ rank }) => rank));
  return (
    <FormDialog
      scope="write"
      opener="Squeeze all…"
      title={`Squeeze ${adapters.length} ${adapters.length === 1 ? 'adapter' : 'adapters'} as a batch`}
      submit="Squeeze all"
      onSubmit={async (entered) => {
        const go = navigatorFromHere();
        const batch = await post<BatchRecord>('/v1/batches', {
          adapter_ids: adapters.map(({ id }) => id),
          targets: [targetFromForm(entered)],
          ...(entered.has('name') && { name: entered.get('name')! }),
        } satisfies BatchRequest);
        onStarted();
        go(`/batches/${batch.id}`);
      }}
    >
      <TargetFields format={null} baseModel={null} rank={Math.max(1, Math.floor(least / 2))} />
      <TextInput label="Name of the batch" name="name" />
    </FormDialog>
  );
}
