import { AppError } from '../errors/app-error.ts';

/** Primary result codes (https://sqlite.org/rescode.html). */
const BUSY = 5;
const LOCKED = 6;
const FULL = 13;
/** There is no room for a part of the index of the log. */
const NO_ROOM_FOR_INDEX = 4874;
const UNUSABLE: Readonly<Record<number, string>> = {
  [BUSY]: 'another process holds it',
  [LOCKED]: 'another process holds it',
  8: 'it can only be read',
  10: 'its file cannot be read or written',
  11: 'its file is damaged',
  [FULL]: 'the disk is full',
  14: 'its file cannot be opened',
  26: 'its file is not a database',
};

/** SQLite's primary result code; undefined for other errors. */
const resultCode = (error: unknown): number | undefined => {
  const { errcode } = (error ?? {}) as { errcode?: number };
  if (errcode === NO_ROOM_FOR_INDEX) return FULL;
  return typeof errcode === 'number' ? errcode & 0xff : undefined;
};

export const isBusy = (error: unknown): boolean => resultCode(error) === BUSY;

/** An error of SQLite as one of ours; others, and broken constraints, as they are. */
export function sqliteError(error: unknown): unknown {
  const code = resultCode(error);
  const reason = code === undefined ? undefined : UNUSABLE[code];
  if (reason === undefined) return error;
  return new AppError(
    code === FULL ? 'STORAGE_FULL' : 'DATABASE_UNAVAILABLE',
    `The database cannot be used: ${reason} (SQLite ${(error as { errcode: number }).errcode}).`,
    {},
    { cause: error },
  );
}
