import type { Database, Writer } from '../../database/database.ts';
import { timedId } from '../../database/ids.ts';
import { isPast, sql } from '../../database/sql.ts';
import type { IdempotencyTable } from '../../database/tables.ts';
import type { StoredResponse } from '../../http/stored-response.ts';

/** The longest time for which a request holds a key without renewing its claim. */
const MAX_LEASE_MS = 3_600_000;
/**
 * How long a repeated request can still find what the first one created, if the process died before it responded.
 */
const SEED_KEPT_MS = 86_400_000;
/**
 * The same request keeps its seed until it has a response. Values that are not yet known do not distinguish requests.
 */
const SEED = sql<string>`case when idempotency.owner = excluded.owner or (
    idempotency.answer is null and idempotency.route = excluded.route
    and coalesce(idempotency.payload, excluded.payload, '') = coalesce(excluded.payload, idempotency.payload, '')
  ) then idempotency.seed else excluded.seed end`;

/** The position of the seed in an id, after its kind. */
const SEED_AT = 'seed_'.length;

/** What identifies a request. */
export interface Fingerprint {
  /** SHA-256 of method and URL, hex. */
  readonly route: string;
  /** SHA-256 of the body, hex; null until the body has arrived. */
  readonly payload: string | null;
}

/** The outcome of an attempt to take a key. */
export type Claim =
  /** `seed`: the part of record ids that is the same whenever a request with this key is handled. */
  | { readonly state: 'ours'; readonly seed: string }
  | { readonly state: 'in-flight'; readonly fingerprint: Fingerprint }
  | { readonly state: 'answered'; readonly fingerprint: Fingerprint; readonly answer: StoredResponse };

/** A key and the process that claims it. */
export interface Claimant {
  /** The id of an existing tenant. Keys of different tenants are independent. */
  readonly tenant: string;
  /** SHA-256 of the key, hex. */
  readonly key: string;
  /** Any text that no other claimant uses. */
  readonly owner: string;
}

/**
 * Idempotency keys of requests, shared by all processes that answer HTTP. The clock is that of the database. All
 * methods throw AppError DATABASE_UNAVAILABLE, STORAGE_FULL.
 */
export class ClaimStore {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  /** Takes a key for `leaseMs` if it is free. Of several simultaneous requests, exactly one gets it. */
  claim(claimant: Claimant, fingerprint: Fingerprint, leaseMs: number): Promise<Claim> {
    return this.database.write(async (writer) => {
      const seed = await this.store(writer, claimant, fingerprint, null, leaseMs);
      if (seed !== undefined) return { state: 'ours', seed };
      // The attempt above has locked the row.
      const held = await writer
        .selectFrom('idempotency')
        .select(['route', 'payload', 'answer'])
        .where('tenant', '=', claimant.tenant)
        .where('key', '=', claimant.key)
        .executeTakeFirstOrThrow();
      return claimOf(held);
    });
  }

  /** Holds a key for `leaseMs` more, even after its lease has ended. @returns false if another claimant has it */
  async hold(claimant: Claimant, fingerprint: Fingerprint, leaseMs: number): Promise<boolean> {
    const stored = this.database.write((writer) => this.store(writer, claimant, fingerprint, null, leaseMs));
    return (await stored) !== undefined;
  }

  /** Stores the response for `keepMs`. @returns false if another claimant has the key */
  async settle(
    claimant: Claimant,
    fingerprint: Fingerprint,
    answer: StoredResponse,
    keepMs: number,
  ): Promise<boolean> {
    const stored = this.database.write((writer) => this.store(writer, claimant, fingerprint, answer, keepMs));
    return (await stored) !== undefined;
  }

  /**
   * Releases a key for the next request. Its seed stays for the same request, which may already have created
   * something.
   */
  async release({ tenant, key, owner }: Claimant): Promise<void> {
    await this.database.write((writer) =>
      writer
        .updateTable('idempotency')
        .set({ expires_at: this.database.now })
        .where('tenant', '=', tenant)
        .where('key', '=', key)
        .where('owner', '=', owner)
        .execute(),
    );
  }

  /** Removes keys that can no longer be used. @returns how many */
  async removeExpired(): Promise<number> {
    const { numDeletedRows } = await this.database.write((writer) =>
      writer
        .deleteFrom('idempotency')
        .where('expires_at', '<=', this.database.now)
        .where(({ or, eb }) =>
          or([eb('answer', 'is not', null), eb('expires_at', '<=', this.database.after(-SEED_KEPT_MS))]),
        )
        .executeTakeFirst(),
    );
    return Number(numDeletedRows);
  }

  /** Writes the state of a claim in one statement. @returns its seed; undefined if another claimant has the key */
  private async store(
    writer: Writer,
    claimant: Claimant,
    { route, payload }: Fingerprint,
    answer: StoredResponse | null,
    forMs: number,
  ): Promise<string | undefined> {
    const { now } = this.database;
    const row = await writer
      .insertInto('idempotency')
      .values(({ eb }) => ({
        ...claimant,
        route,
        payload,
        answer: answer && JSON.stringify(answer),
        seed: timedId('seed', Date.now()).slice(SEED_AT),
        expires_at: eb(now, '+', forMs),
      }))
      .onConflict((conflict) =>
        conflict
          .columns(['tenant', 'key'])
          .doUpdateSet(({ ref }) => ({
            owner: ref('excluded.owner'),
            route: ref('excluded.route'),
            payload: ref('excluded.payload'),
            answer: ref('excluded.answer'),
            seed: SEED,
            expires_at: ref('excluded.expires_at'),
          }))
          .where(({ or, and, eb, ref }) =>
            or([
              eb('idempotency.owner', '=', ref('excluded.owner')),
              eb('idempotency.expires_at', '<=', now),
              // A claimant renews its claim again and again; this one did so before the clock was set back.
              and([
                eb('idempotency.answer', 'is', null),
                isPast(this.database, 'idempotency.expires_at', MAX_LEASE_MS),
              ]),
            ]),
          ),
      )
      .returning('seed')
      .executeTakeFirst();
    return row?.seed;
  }
}

function claimOf({ answer, ...fingerprint }: Pick<IdempotencyTable, 'route' | 'payload' | 'answer'>): Claim {
  if (answer === null) return { state: 'in-flight', fingerprint };
  return { state: 'answered', fingerprint, answer: JSON.parse(answer) as StoredResponse };
}
