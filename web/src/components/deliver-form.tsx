import type { JobRecord } from '../../../src/contract/job.ts';
import { post } from '../api/request.ts';
import { navigatorFromHere } from '../state/route.ts';
import { Ticks } from './form.tsx';
import { FormDialog } from './form-dialog.tsx';
import { PlaceInput } from './place-input.tsx';

interface DeliverFormProps {
  readonly adapterId: string;
  readonly name: string;
  /** The place with which the form is opened. */
  readonly to: string | undefined;
}

/** A form that starts a job to deliver an adapter to a bucket, the Hub or a server. */
export function DeliverForm({ adapterId, name, to }: DeliverFormProps) {
  return (
    <FormDialog
      scope="write"
      opener="Deliver…"
      title={`Deliver ${name}`}
      isOpenAtFirst={to !== undefined}
      submit="Deliver"
      onSubmit={async (entered) => {
        const go = navigatorFromHere();
        const job = await post<JobRecord>('/v1/jobs', {
          kind: 'export',
          adapter_id: adapterId,
          to: entered.get('to'),
          include: entered.has('card') ? ['card'] : [],
        });
        go(`/jobs/${job.id}`);
      }}
    >
      <PlaceInput label="Deliver to" name="to" example="s3://models/out/support-chat" value={to} />
      <Ticks legend="Also deliver" name="card" options={[['card', 'The model card, as README.md', true]]} />
    </FormDialog>
  );
}
