import { type Static, Type } from 'typebox';
import { BatchRecord } from './batch.ts';
import { BatchItem } from './batch-item.ts';
import { choice, nullable } from './choice.ts';
import { SucceededResult } from './job.ts';
import { DeliveredAdapter } from './transfer-job.ts';

const { index, name, source, adapter_id, job_id, kind, error, finished_at } = BatchItem.properties;
const { rank, bytes, relative_error } = SucceededResult.properties;

/** The outcome of one item of a batch for one of its targets: a line of GET /v1/batches/{id}/results. */
export const BatchResultLine = Type.Object(
  {
    ...{ index, name, job_id, kind, source, adapter_id },
    target: nullable(Type.Integer({ minimum: 0 }), {
      description:
        'Position of the target, from 0; null if jobs of this kind have no targets, or if the job was ' +
        'deleted and the position is not known',
    }),
    state: choice(['queued', 'active', 'succeeded', 'failed', 'cancelled'], {
      description: 'State of this target; before the item has ended, the state of the item',
    }),
    result_id: nullable(Type.String(), {
      description:
        'The adapter that was made, which may have been removed since; for an import, the adapter that was ' +
        'fetched',
    }),
    rank: nullable(rank, { description: 'Smallest and largest rank of the result' }),
    bytes: nullable(bytes),
    relative_error: nullable(relative_error),
    deliveries: Type.Array(
      Type.Object(
        {
          state: DeliveredAdapter.properties.state,
          place: DeliveredAdapter.properties.place,
          error,
        },
        { $id: 'BatchResultDelivery', additionalProperties: false },
      ),
      { description: 'Deliveries of the result' },
    ),
    error: nullable(error, { description: 'Why this target or the whole item failed' }),
    finished_at: nullable(finished_at, { description: 'When the item ended' }),
  },
  {
    $id: 'BatchResultLine',
    additionalProperties: false,
    description: 'The outcome of one item for one of its targets',
  },
);
export type BatchResultLine = Static<typeof BatchResultLine>;

/** A line of `results.ndjson` in the archive of a batch. */
export type ArchivedResultLine = BatchResultLine & {
  /** Folder of the result's files in the archive; null: the archive does not contain them. */
  readonly folder: string | null;
};

/** The `data` of an event of a batch, from which generated clients derive the type of a stream. */
export const BatchEventData = Type.Unsafe<BatchRecord | BatchItem>({
  $id: 'BatchEventData',
  anyOf: [BatchRecord, BatchItem],
  description: 'For an event `state`, the batch; for an event `item`, an item that has ended',
});
export type BatchEventData = Static<typeof BatchEventData>;
