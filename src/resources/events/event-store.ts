import type { Labels } from '../../contract/labels.ts';
import type { EventType } from '../../contract/webhook.ts';
import type { Database } from '../../database/database.ts';
import { hasLabels, type WantedLabel } from '../../database/lists/label-filter.ts';

/** Events that are read at once: the text of each has up to 20 kB. */
const PAGE_ROWS = 100;

/** A filter of events. Absent fields do not matter. */
export interface EventFilter {
  readonly jobId?: string | undefined;
  readonly batchId?: string | undefined;
  /** That the job or batch had by then. */
  readonly labels?: readonly WantedLabel[] | undefined;
  readonly types?: readonly EventType[] | undefined;
}

/** An event as it is kept. */
export interface KeptEvent {
  readonly place: number;
  readonly type: string;
  readonly job: string | null;
  /** JSON of WebhookEvent. */
  readonly body: string;
}

export interface EventPage {
  /** Those that are wanted, in their order. */
  readonly events: readonly KeptEvent[];
  /** All up to here has been looked at. */
  readonly place: number;
  readonly hasMore: boolean;
  /** All up to here have been removed. Beyond the place that was asked for, some are missing. */
  readonly horizon: number;
}

/** The events of a tenant. All methods throw AppError DATABASE_UNAVAILABLE. */
export class EventStore {
  private readonly database: Pick<Database, 'reader'>;
  private readonly tenant: string;

  constructor(database: Pick<Database, 'reader'>, tenant: string) {
    this.database = database;
    this.tenant = tenant;
  }

  /** Place of the newest event of all tenants; 0: there has been none. */
  async newestPlace(): Promise<number> {
    const row = await this.database.reader
      .selectFrom('event')
      .select('place')
      .orderBy('place', 'desc')
      .limit(1)
      .executeTakeFirst();
    return row?.place ?? (await this.horizon());
  }

  /** Place of the newest event that was removed; 0: all are here. */
  async horizon(): Promise<number> {
    const row = await this.database.reader
      .selectFrom('event_horizon')
      .select('removed_through')
      .where('tenant', '=', this.tenant)
      .executeTakeFirst();
    return row?.removed_through ?? 0;
  }

  /** The next events after a place. */
  async after(place: number, { jobId, batchId, labels = [], types }: EventFilter): Promise<EventPage> {
    const rows = await this.database.reader
      .selectFrom('event')
      .select(['place', 'type', 'job', 'batch', 'labels', 'body'])
      .where('tenant', '=', this.tenant)
      .where('place', '>', place)
      .orderBy('place')
      .limit(PAGE_ROWS)
      .execute();
    const wanted = rows.filter(
      (row) =>
        (jobId === undefined || row.job === jobId) &&
        (batchId === undefined || row.batch === batchId) &&
        (types === undefined || types.includes(row.type as EventType)) &&
        (labels.length === 0 || hasLabels(JSON.parse(row.labels) as Labels, labels)),
    );
    return {
      events: wanted.map(({ place, type, job, body }) => ({ place, type, job, body })),
      place: rows.at(-1)?.place ?? place,
      hasMore: rows.length === PAGE_ROWS,
      // Read last, so that what was removed before the events were read is known.
      horizon: await this.horizon(),
    };
  }
}
