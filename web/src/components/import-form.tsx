import type { JobRecord } from '../../../src/contract/job.ts';
import { post } from '../api/request.ts';
import { navigatorFromHere } from '../state/route.ts';
import { FormDialog } from './form-dialog.tsx';
import { PlaceInput } from './place-input.tsx';

/**
 * A form that starts a job to fetch an adapter from a bucket, the Hub or a server.
 * @param from the place with which the form is opened
 */
export const ImportForm = ({ from }: { from?: string | undefined }) => (
  <FormDialog
    scope="write"
    opener="Import…"
    title="Import an adapter"
    isOpenAtFirst={from !== undefined}
    submit="Import"
    onSubmit={async (entered) => {
      const go = navigatorFromHere();
      const job = await post<JobRecord>('/v1/jobs', { kind: 'import', source: entered.get('source') });
      go(`/jobs/${job.id}`);
    }}
  >
    <PlaceInput label="Import from" name="source" example="hf://owner/adapter@main" value={from} />
  </FormDialog>
);
