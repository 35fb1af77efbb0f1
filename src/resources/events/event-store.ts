import type { Labels } from '../../contract/labels.ts';
import type { EventType } from '../../contract/webhook.ts';
import type { Database } from '../../database/database.ts';
import { hasLabels, type LabelFilterTerm } from '../../database/lists/label-filter.ts';

/** Events that are read at a time; the text of each has up to 20 kB. */
const PAGE_ROWS = 100;

/** Conditions for events. Absent fields match everything. */
export interface EventFilter {
  readonly jobId?: string | undefined;
  readonly batchId?: string | undefined;
  /** The labels that the job or batch had at the time of the event. */
  readonly labels?: readonly LabelFilterTerm[] | undefined;
  readonly types?: readonly EventType[] | undefined;
}

/** A stored event. */
export interface StoredEvent {
  readonly place: number;
  readonly type: string;
  readonly job: string | null;
  /** JSON of WebhookEvent. */
  readonly body: string;
}

export interface EventPage {
  /** The events that match, in their order. */
  readonly events: readonly StoredEvent[];
  /** All events up to here have been read. */
  readonly place: number;
  readonly hasMore: boolean;
  /** All events up to here have been removed. If this is beyond the requested place, some are missing. */
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

  /** The place of the newest event of all tenants; 0 if there has been none. */
  async newestPlace(): Promise<number> {
    const row = await this.database.reader
      .selectFrom('event')
      .select('place')
      .orderBy('place', 'desc')
      .limit(1)
      .executeTakeFirst();
    return row?.place ?? (await this.horizon());
  }

  /** The place of the newest removed event; 0 if none has been removed. */
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
      // Read last, so that removals before the events were read are noticed.
      horizon: await this.horizon(),
    };
  }
}
