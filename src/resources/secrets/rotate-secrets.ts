import type { KeyRotation } from '../../contract/secrets.ts';
import type { Database, Writer } from '../../database/database.ts';
import { sql } from '../../database/sql.ts';
import type { Tables } from '../../database/tables.ts';
import { AppError } from '../../errors/app-error.ts';
import { type SecretBox, sealedWith } from '../../transfer/secret-box.ts';

/** Rows that are read at a time. With SQLite, reading blocks the process for its duration. */
const PAGE_ROWS = 200;
/** How long a call may take, because the client and the proxies in between wait for the response. */
const PATIENCE_MS = 15_000;

interface Place {
  /** The primary key. */
  readonly key: readonly string[];
  readonly columns: readonly string[];
}

/** The columns with sealed texts. */
const PLACES: Readonly<Partial<Record<keyof Tables, Place>>> = {
  connection: { key: ['id'], columns: ['credentials'] },
  webhook: { key: ['id'], columns: ['secret', 'previous_secret', 'sealed_url'] },
  job: { key: ['id'], columns: ['sealed_request'] },
  batch_member: { key: ['batch', 'position'], columns: ['sealed'] },
  idempotency: { key: ['tenant', 'key'], columns: ['answer'] },
};

/** A sealed text in a column of JSON. In text from a user, a backslash would precede the quotation mark. */
const IN_JSON = /(?<="(?:sealed|body)":")v1\.[0-9a-f]{8}\.[\w-]+(?=")/g;

type Sealing = keyof Tables;
const TABLES = Object.keys(PLACES) as [Sealing, ...Sealing[]];
type Row = Readonly<Record<string, string | number | null>>;
type Key = (string | number)[];

/** The errors of `rotateSecrets`; the route derives the codes of its responses from them. */
export const ROTATION_ERRORS = ['VALIDATION_FAILED', 'SECRETS_UNAVAILABLE', 'STORAGE_FULL'] as const;

export interface RotationOptions {
  /** The `next` of the previous call, which is where it stopped. */
  readonly after?: string | undefined;
  readonly patienceMs?: number;
}

/**
 * Seals everything again with the first key that was sealed with another one. Others may write at the same time; rows
 * that they changed are read again, because they may have moved a sealed text to another column.
 * @throws AppError VALIDATION_FAILED if `after` is not a `next`, SECRETS_UNAVAILABLE without a key,
 *   DATABASE_UNAVAILABLE, STORAGE_FULL
 */
export async function rotateSecrets(
  database: Database,
  box: SecretBox | undefined,
  { after, patienceMs = PATIENCE_MS }: RotationOptions = {},
): Promise<KeyRotation> {
  if (!box)
    throw new AppError('SECRETS_UNAVAILABLE', 'The service has no key for secrets; set SECRETS_KEYS.');
  const [key = '', ...others] = box.keyIds;
  const resealing = new Resealing(box, key);
  const deadlineMs = performance.now() + patienceMs;
  let [begun, last] = after === undefined ? [TABLES[0], undefined] : placeIn(after);
  let resealed = 0;
  let next: string | null = null;
  for (const table of TABLES.slice(TABLES.indexOf(begun))) {
    for await (const rows of pages(database, table, last)) {
      resealed += await resealRows(database, table, rows, resealing);
      last = PLACES[table]!.key.map((name) => rows.at(-1)![name]!);
      if (performance.now() < deadlineMs) continue;
      next = Buffer.from(JSON.stringify([table, ...last])).toString('base64url');
      break;
    }
    if (next !== null) break;
    last = undefined;
  }
  return {
    ...{ key, resealed, next },
    droppable_keys: next === null ? others : [],
    unreadable: [...resealing.unreadable].map(([id, secrets]) => ({ key: id, secrets })),
  };
}

function placeIn(after: string): [Sealing, Key] {
  try {
    const [table, ...key] = JSON.parse(Buffer.from(after, 'base64url').toString()) as [Sealing, ...Key];
    const isKey = key.every((part) => typeof part === 'string' || Number.isSafeInteger(part));
    if (isKey && TABLES.includes(table) && PLACES[table]!.key.length === key.length) return [table, key];
  } catch {
    // The value is not JSON.
  }
  throw new AppError('VALIDATION_FAILED', 'after must be the `next` of a previous response.');
}

/** Seals texts again. What is sealed with the right key stays; what cannot be opened stays as well and is counted. */
class Resealing {
  readonly unreadable = new Map<string, number>();
  private readonly box: SecretBox;
  private readonly key: string;

  constructor(box: SecretBox, key: string) {
    this.box = box;
    this.key = key;
  }

  /** For rows that are read again: texts in them that cannot be opened have already been counted. */
  uncounted(): Resealing {
    return new Resealing(this.box, this.key);
  }

  of(text: string): string {
    return sealedWith(text) === undefined
      ? text.replace(IN_JSON, (sealed) => this.again(sealed))
      : this.again(text);
  }

  private again(sealed: string): string {
    const id = sealedWith(sealed)!;
    if (id === this.key) return sealed;
    try {
      return this.box.seal(this.box.open(sealed));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      this.unreadable.set(id, (this.unreadable.get(id) ?? 0) + 1);
      return sealed;
    }
  }
}

const list = (names: readonly string[]) => sql.join(names.map((name) => sql.ref(name)));

async function* pages(
  { reader }: Database,
  table: Sealing,
  begun: Key | undefined,
): AsyncGenerator<readonly Row[]> {
  const { key, columns } = PLACES[table]!;
  for (let last = begun; ; ) {
    const { rows } = await sql<Row>`
      select ${list([...key, ...columns])} from ${sql.table(table)}
      ${last ? sql`where (${list(key)}) > (${sql.join(last)})` : sql``}
      order by ${list(key)} limit ${sql.lit(PAGE_ROWS)}`.execute(reader);
    if (rows.length > 0) yield rows;
    if (rows.length < PAGE_ROWS) return;
    last = key.map((name) => rows.at(-1)![name]!);
  }
}

interface Change {
  readonly row: Row;
  readonly changed: readonly { readonly column: string; readonly old: string; readonly text: string }[];
}

/** The changes of a row; undefined if there are none. */
function changeOf(table: Sealing, row: Row, resealing: Resealing): Change | undefined {
  const changed = PLACES[table]!.columns.flatMap((column) => {
    const old = row[column];
    if (typeof old !== 'string') return [];
    const text = resealing.of(old);
    return text === old ? [] : [{ column, old, text }];
  });
  return changed.length > 0 ? { row, changed } : undefined;
}

/** @returns the number of changed rows */
async function resealRows(
  database: Database,
  table: Sealing,
  rows: readonly Row[],
  resealing: Resealing,
): Promise<number> {
  const changes = rows.flatMap((row) => changeOf(table, row, resealing) ?? []);
  if (changes.length === 0) return 0;
  return database.write(async (writer) => {
    let count = 0;
    for (const change of changes) if (await resealRow(writer, table, change, resealing)) count++;
    return count;
  });
}

/** @returns whether there was something to change still */
async function resealRow(
  writer: Writer,
  table: Sealing,
  { row, changed }: Change,
  resealing: Resealing,
): Promise<boolean> {
  const { key, columns } = PLACES[table]!;
  const [into, isRow] = [sql.table(table), key.map((name) => sql`${sql.ref(name)} = ${row[name]}`)];
  const set = changed.map(({ column, text }) => sql`${sql.ref(column)} = ${text}`);
  const isSame = changed.map(({ column, old }) => sql`${sql.ref(column)} = ${old}`);
  const { numAffectedRows } =
    await sql`update ${into} set ${sql.join(set)} where ${sql.join([...isRow, ...isSame], sql` and `)}`.execute(
      writer,
    );
  if (numAffectedRows) return true;
  const { rows } =
    await sql<Row>`select ${list([...key, ...columns])} from ${into} where ${sql.join(isRow, sql` and `)}`.execute(
      writer,
    );
  const change = rows[0] && changeOf(table, rows[0], resealing.uncounted());
  return change !== undefined && resealRow(writer, table, change, resealing);
}
