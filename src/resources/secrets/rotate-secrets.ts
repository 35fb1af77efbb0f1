import type { KeyRotation } from '../../contract/secrets.ts';
import type { Database, Writer } from '../../database/database.ts';
import { sql } from '../../database/sql.ts';
import type { Tables } from '../../database/tables.ts';
import { AppError } from '../../errors/app-error.ts';
import { encryptedWith, type SecretBox } from '../../transfer/secret-box.ts';

/** Rows that are read at a time. With SQLite, reading blocks the process for its duration. */
const PAGE_ROWS = 200;
/** How long a call may take, because the client and the proxies in between wait for the response. */
const MAX_CALL_MS = 15_000;

interface Place {
  /** The primary key. */
  readonly key: readonly string[];
  readonly columns: readonly string[];
}

/** The columns with encrypted texts. */
const PLACES: Readonly<Partial<Record<keyof Tables, Place>>> = {
  connection: { key: ['id'], columns: ['credentials'] },
  webhook: { key: ['id'], columns: ['secret', 'previous_secret', 'encrypted_url'] },
  job: { key: ['id'], columns: ['encrypted_request'] },
  batch_member: { key: ['batch', 'position'], columns: ['encrypted'] },
  idempotency: { key: ['tenant', 'key'], columns: ['answer'] },
};

/** An encrypted text in a column of JSON. In text from a user, a backslash would precede the quotation mark. */
const IN_JSON = /(?<="(?:encrypted|body)":")v1\.[0-9a-f]{8}\.[\w-]+(?=")/g;

type SecretTable = keyof Tables;
const TABLES = Object.keys(PLACES) as [SecretTable, ...SecretTable[]];
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
 * Encrypts everything again with the first key that was encrypted with another one. Others may write at the same time; rows
 * that they changed are read again, because they may have moved an encrypted text to another column.
 * @throws AppError VALIDATION_FAILED if `after` is not a `next`, SECRETS_UNAVAILABLE without a key,
 *   DATABASE_UNAVAILABLE, STORAGE_FULL
 */
export async function rotateSecrets(
  database: Database,
  box: SecretBox | undefined,
  { after, patienceMs = MAX_CALL_MS }: RotationOptions = {},
): Promise<KeyRotation> {
  if (!box)
    throw new AppError('SECRETS_UNAVAILABLE', 'The service has no key for secrets; set SECRETS_KEYS.');
  const [key = '', ...others] = box.keyIds;
  const reencryption = new Reencryption(box, key);
  const deadlineMs = performance.now() + patienceMs;
  let [begun, last] = after === undefined ? [TABLES[0], undefined] : placeIn(after);
  let reencrypted = 0;
  let next: string | null = null;
  for (const table of TABLES.slice(TABLES.indexOf(begun))) {
    for await (const rows of pages(database, table, last)) {
      reencrypted += await encryptRowsAgain(database, table, rows, reencryption);
      last = PLACES[table]!.key.map((name) => rows.at(-1)![name]!);
      if (performance.now() < deadlineMs) continue;
      next = Buffer.from(JSON.stringify([table, ...last])).toString('base64url');
      break;
    }
    if (next !== null) break;
    last = undefined;
  }
  return {
    ...{ key, reencrypted, next },
    droppable_keys: next === null ? others : [],
    unreadable: [...reencryption.unreadable].map(([id, secrets]) => ({ key: id, secrets })),
  };
}

function placeIn(after: string): [SecretTable, Key] {
  try {
    const [table, ...key] = JSON.parse(Buffer.from(after, 'base64url').toString()) as [SecretTable, ...Key];
    const isKey = key.every((part) => typeof part === 'string' || Number.isSafeInteger(part));
    if (isKey && TABLES.includes(table) && PLACES[table]!.key.length === key.length) return [table, key];
  } catch {
    // The value is not JSON.
  }
  throw new AppError('VALIDATION_FAILED', 'The parameter "after" must be the `next` of a previous response.');
}

/** Encrypts texts again. What is encrypted with the right key stays; what cannot be decrypted stays as well and is counted. */
class Reencryption {
  readonly unreadable = new Map<string, number>();
  private readonly box: SecretBox;
  private readonly key: string;

  constructor(box: SecretBox, key: string) {
    this.box = box;
    this.key = key;
  }

  /** For rows that are read again: texts in them that cannot be decrypted have already been counted. */
  uncounted(): Reencryption {
    return new Reencryption(this.box, this.key);
  }

  of(text: string): string {
    return encryptedWith(text) === undefined
      ? text.replace(IN_JSON, (encrypted) => this.again(encrypted))
      : this.again(text);
  }

  private again(encrypted: string): string {
    const id = encryptedWith(encrypted)!;
    if (id === this.key) return encrypted;
    try {
      return this.box.encrypt(this.box.decrypt(encrypted));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      this.unreadable.set(id, (this.unreadable.get(id) ?? 0) + 1);
      return encrypted;
    }
  }
}

const list = (names: readonly string[]) => sql.join(names.map((name) => sql.ref(name)));

async function* pages(
  { reader }: Database,
  table: SecretTable,
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
function changeOf(table: SecretTable, row: Row, reencryption: Reencryption): Change | undefined {
  const changed = PLACES[table]!.columns.flatMap((column) => {
    const old = row[column];
    if (typeof old !== 'string') return [];
    const text = reencryption.of(old);
    return text === old ? [] : [{ column, old, text }];
  });
  return changed.length > 0 ? { row, changed } : undefined;
}

/** @returns the number of changed rows */
async function encryptRowsAgain(
  database: Database,
  table: SecretTable,
  rows: readonly Row[],
  reencryption: Reencryption,
): Promise<number> {
  const changes = rows.flatMap((row) => changeOf(table, row, reencryption) ?? []);
  if (changes.length === 0) return 0;
  return database.write(async (writer) => {
    let count = 0;
    for (const change of changes) if (await encryptRowAgain(writer, table, change, reencryption)) count++;
    return count;
  });
}

/** @returns whether there was something to change still */
async function encryptRowAgain(
  writer: Writer,
  table: SecretTable,
  { row, changed }: Change,
  reencryption: Reencryption,
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
  const change = rows[0] && changeOf(table, rows[0], reencryption.uncounted());
  return change !== undefined && encryptRowAgain(writer, table, change, reencryption);
}
