import type { UploadFilename, UploadRecord } from '../../contract/upload.ts';
import type { Database, Writer } from '../../database/database.ts';
import type { UploadTable } from '../../database/tables.ts';

/** The record of an upload, without its bytes. */
export interface Upload {
  readonly id: string;
  readonly filename: UploadFilename;
  /** null: the size was not announced yet. */
  readonly totalBytes: number | null;
  /** The bytes on the disk when the last request ended. */
  readonly receivedBytes: number;
  /** Metadata of a tus client, which is returned to it. */
  readonly metadata: Readonly<Record<string, string | null>>;
  /** The name of the file with its bytes; a new one if they are replaced. */
  readonly file: string;
  /** Hex; null until every byte has arrived and been checked. After that, the file is not written again. */
  readonly sha256: string | null;
  readonly createdAtMs: number;
  /** The time when its last bytes arrived, or when it was created. */
  readonly touchedAtMs: number;
  readonly hasExpired: boolean;
}

export interface NewUploadRow extends Omit<Upload, 'createdAtMs' | 'touchedAtMs' | 'hasExpired'> {
  /** The bytes that count against the tenant's limit. */
  readonly reservedBytes: number;
}

/** The totals of a tenant's uploads that have not expired. */
export interface UploadUsage {
  readonly uploads: number;
  readonly bytes: number;
}

type Place = Pick<Upload, 'id' | 'file'>;

type Change = Partial<Pick<UploadTable, 'total_bytes' | 'reserved_bytes' | 'received_bytes' | 'sha256'>> & {
  readonly touched_at?: Database['now'];
};

/**
 * The records of a tenant's uploads in the database, whose clock decides when they expire. Ids must be well-formed.
 * All methods throw AppError DATABASE_UNAVAILABLE, and those that write STORAGE_FULL.
 */
export class UploadRows {
  private readonly database: Database;
  private readonly tenant: string;
  private readonly ttlMs: number;

  /** @param ttlMs how long an upload is kept after its last byte */
  constructor(database: Database, tenant: string, ttlMs: number) {
    this.database = database;
    this.tenant = tenant;
    this.ttlMs = ttlMs;
  }

  async find(id: string): Promise<Upload | undefined> {
    const row = await this.rows().where('id', '=', id).executeTakeFirst();
    return row && this.uploadOf(row);
  }

  /** The uploads that have not expired, in the order of their ids. */
  async list(): Promise<Upload[]> {
    const rows = await this.rows().orderBy('id').execute();
    return rows.map((row) => this.uploadOf(row)).filter(({ hasExpired }) => !hasExpired);
  }

  /** The names of all files with bytes. */
  async files(): Promise<Set<string>> {
    const rows = await this.database.reader
      .selectFrom('upload')
      .select('file')
      .where('tenant', '=', this.tenant)
      .execute();
    return new Set(rows.map(({ file }) => file));
  }

  /**
   * Creates an upload, or replaces the one with the same id.
   * @param check receives the tenant's totals with the new upload; if it throws, nothing changes
   * @returns the replaced upload
   */
  put(upload: NewUploadRow, check: (share: UploadUsage) => void): Promise<Upload | undefined> {
    return this.database.write(async (writer) => {
      // Locks the tenant, so that a simultaneous creation waits and both are counted.
      const tenant = writer.selectFrom('tenant').select('id').where('id', '=', this.tenant);
      await this.database.locked(tenant).execute();
      const old = await this.rows(writer).where('id', '=', upload.id).executeTakeFirst();
      const others = await this.shareWithout(writer, upload.id);
      check({ uploads: others.uploads + 1, bytes: others.bytes + upload.reservedBytes });
      const row = {
        file: upload.file,
        filename: upload.filename,
        total_bytes: upload.totalBytes,
        reserved_bytes: upload.reservedBytes,
        received_bytes: upload.receivedBytes,
        metadata: JSON.stringify(upload.metadata),
        sha256: upload.sha256,
        created_at: this.database.now,
        touched_at: this.database.now,
      };
      await writer
        .insertInto('upload')
        .values({ tenant: this.tenant, id: upload.id, ...row })
        .onConflict((conflict) => conflict.columns(['tenant', 'id']).doUpdateSet(row))
        .execute();
      return old && this.uploadOf(old);
    });
  }

  /** Sets the announced size. @returns false if the upload no longer exists */
  announce(place: Place, totalBytes: number): Promise<boolean> {
    return this.change(place, { total_bytes: totalBytes, reserved_bytes: totalBytes });
  }

  /** Records that bytes arrived. @returns false if the upload no longer exists */
  touch(place: Place, receivedBytes?: number): Promise<boolean> {
    return this.change(place, {
      touched_at: this.database.now,
      ...(receivedBytes !== undefined && { received_bytes: receivedBytes }),
    });
  }

  /** Records that all bytes are on the disk and have been checked. @returns false if the upload no longer exists */
  complete(place: Place, receivedBytes: number, sha256: string): Promise<boolean> {
    return this.change(place, { received_bytes: receivedBytes, sha256, touched_at: this.database.now });
  }

  /** @returns false if the upload no longer exists */
  async remove({ id, file }: Place): Promise<boolean> {
    const { numDeletedRows } = await this.database.write((writer) =>
      writer
        .deleteFrom('upload')
        .where('tenant', '=', this.tenant)
        .where('id', '=', id)
        .where('file', '=', file)
        .executeTakeFirst(),
    );
    return numDeletedRows > 0;
  }

  private async change({ id, file }: Place, columns: Change): Promise<boolean> {
    const { numUpdatedRows } = await this.database.write((writer) =>
      writer
        .updateTable('upload')
        .set(columns)
        .where('tenant', '=', this.tenant)
        .where('id', '=', id)
        .where('file', '=', file)
        // A complete upload no longer changes.
        .where('sha256', 'is', null)
        .executeTakeFirst(),
    );
    return numUpdatedRows > 0;
  }

  private rows(reader: Database['reader'] = this.database.reader) {
    return reader
      .selectFrom('upload')
      .selectAll()
      .select(this.database.now.as('now'))
      .where('tenant', '=', this.tenant);
  }

  private async shareWithout(writer: Writer, id: string): Promise<UploadUsage> {
    const { now } = this.database;
    return writer
      .selectFrom('upload')
      .select(({ fn, cast, val }) => [
        fn.countAll<number>().as('uploads'),
        // PostgreSQL returns sums as another type.
        cast<number>(fn.coalesce(fn.sum('reserved_bytes'), val(0)), 'bigint').as('bytes'),
      ])
      .where('tenant', '=', this.tenant)
      .where('id', '!=', id)
      .where('touched_at', '>=', ({ eb }) => eb(now, '-', this.ttlMs))
      .executeTakeFirstOrThrow();
  }

  private uploadOf(row: UploadTable & { now: number }): Upload {
    return {
      id: row.id,
      filename: row.filename as UploadFilename,
      totalBytes: row.total_bytes,
      receivedBytes: row.received_bytes,
      metadata: JSON.parse(row.metadata) as Upload['metadata'],
      file: row.file,
      sha256: row.sha256,
      createdAtMs: row.created_at,
      touchedAtMs: row.touched_at,
      hasExpired: row.touched_at + this.ttlMs < row.now,
    };
  }
}

/**
 * Removes the expired uploads of all tenants, except those that a request is using.
 * @returns the owners of files that are no longer needed
 * @throws AppError DATABASE_UNAVAILABLE, STORAGE_FULL
 */
export function removeExpired(
  database: Database,
  ttlMs: number,
): Promise<Pick<UploadTable, 'tenant' | 'file'>[]> {
  const { now } = database;
  return database.write((writer) =>
    writer
      .deleteFrom('upload')
      .where('touched_at', '<', ({ eb }) => eb(now, '-', ttlMs))
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('upload_lock')
              .select('owner')
              .whereRef('upload_lock.tenant', '=', 'upload.tenant')
              .whereRef('upload_lock.id', '=', 'upload.id')
              .where('upload_lock.expires_at', '>', now),
          ),
        ),
      )
      .returning(['tenant', 'file'])
      .execute(),
  );
}

/** @param ttlMs how long an upload is kept after its last byte */
export const expiresAt = ({ touchedAtMs }: Upload, ttlMs: number): string =>
  new Date(touchedAtMs + ttlMs).toISOString();

/** An upload in the form of the API. */
export const toUploadRecord = (upload: Upload, ttlMs: number): UploadRecord => ({
  id: upload.id,
  filename: upload.filename,
  received_bytes: upload.receivedBytes,
  total_bytes: upload.totalBytes,
  complete: upload.sha256 !== null,
  sha256: upload.sha256,
  created_at: new Date(upload.createdAtMs).toISOString(),
  expires_at: expiresAt(upload, ttlMs),
});
