import { AppError } from '../errors/app-error.ts';

/** Classes and codes of PostgreSQL's errors (its manual, appendix A). */
const FULL = '53100';
const CONFLICTS = new Set(['40001', '40P01']);
/** Connections, resources, operators' interventions, logins, databases that are not there; a replica that only reads. */
const UNAVAILABLE = /^(?:08|53|57|58|28|3D|25006|55P03)/;
/** Of the system, and of a server that ends its sessions. */
const BROKEN = new Set(['ECONNRESET', 'EPIPE', '57P01', '57P02']);
const SQLSTATE = /^[0-9A-Z]{5}$/;

const codeOf = (error: unknown): string => {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : '';
};

/** Whether the server gave a transaction up in favour of another one. */
export const isConflict = (error: unknown): boolean => CONFLICTS.has(codeOf(error));

/** Whether a connection that was there has ended, as one of ours says. Others can be made. */
export const isBroken = (error: unknown): boolean =>
  error instanceof AppError &&
  error.cause instanceof Error &&
  (BROKEN.has(codeOf(error.cause)) || error.cause.message.startsWith('Connection terminated'));

/** An error of PostgreSQL, or of the way to it, as one of ours; others, and broken constraints, as they are. */
export function postgresqlError(error: unknown): unknown {
  const code = codeOf(error);
  if (code === FULL)
    return new AppError('STORAGE_FULL', 'The database has no room left.', {}, { cause: error });
  const isFromServer = SQLSTATE.test(code) && !code.startsWith('E');
  if (isFromServer && !UNAVAILABLE.test(code)) return error;
  // What else the driver throws is about the connection, as are the codes of the system.
  const reason = code || (error instanceof Error ? error.message : String(error));
  return new AppError(
    'DATABASE_UNAVAILABLE',
    `The database cannot be used (${reason}).`,
    {},
    { cause: error },
  );
}
