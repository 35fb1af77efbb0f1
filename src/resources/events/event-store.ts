import type { Labels } from '../../contract/labels.ts';
import type { EventType } from '../../contract/webhook.ts';
import type { Database } from '../../database/database.ts';
import { hasLabels, type LabelFilterTerm } from '../../database/lists/label-filter.ts';

/** Events that are read at a time; the text of each has up to 20 kB. */
const PAGE_ROWS = 100;

/** Events of which one query finds those that match. With SQLite, it blocks the process for its duration. */
const EXAMINED_ROWS = 10_000;

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
    const { reader } = this.database;
    const { end, count } = await reader
      .selectFrom(({ selectFrom }) =>
        selectFrom('event')
          .select('event.place')
          .where('tenant', '=', this.tenant)
          .where('event.place', '>', place)
          .orderBy('event.place')
          .limit(EXAMINED_ROWS)
          .as('next'),
      )
      .select(({ fn }) => [fn.max('next.place').as('end'), fn.countAll().as('count')])
      .executeTakeFirstOrThrow();
    const isNone = end === null || types?.length === 0;
    const rows = isNone
      ? []
      : await reader
          .selectFrom('event')
          .select(['place', 'type', 'job', 'labels', 'body'])
          .where('tenant', '=', this.tenant)
          .where('place', '>', place)
          .where('place', '<=', end)
          .$if(jobId !== undefined, (query) => query.where('job', '=', jobId!))
          .$if(batchId !== undefined, (query) => query.where('batch', '=', batchId!))
          .$if(types !== undefined, (query) => query.where('type', 'in', types!))
          .orderBy('place')
          .limit(PAGE_ROWS)
          .execute();
    const wanted = rows.filter(
      (row) => labels.length === 0 || hasLabels(JSON.parse(row.labels) as Labels, labels),
    );
    const isFull = rows.length === PAGE_ROWS;
    return {
      events: wanted.map(({ place, type, job, body }) => ({ place, type, job, body })),
      place: isFull ? rows.at(-1)!.place : (end ?? place),
      hasMore: isFull || Number(count) === EXAMINED_ROWS,
      // Read last, so that removals before the events were read are noticed.
      horizon: await this.horizon(),
    };
  }
}
