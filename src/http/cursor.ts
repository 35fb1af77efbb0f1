import { AppError } from '../errors/app-error.ts';

const MAX_SHOWN = 60;
const ID_DIGITS = /^[0-9a-f]{32}$/;

/**
 * A place in a list as clients get it: opaque, and of use for this list only.
 * @param place id of the last item before
 */
export const cursorOf = (place: string): string => Buffer.from(place).toString('base64url');

/**
 * The place that a cursor names.
 * @param kind of the ids in this list
 * @throws AppError VALIDATION_FAILED
 */
export function placeOf(cursor: string, kind: string): string {
  const place = Buffer.from(cursor, 'base64url').toString('latin1');
  const isId = place.startsWith(`${kind}_`) && ID_DIGITS.test(place.slice(kind.length + 1));
  if (isId && cursorOf(place) === cursor) return place;
  const shown = JSON.stringify(cursor.slice(0, MAX_SHOWN));
  const detail = `cursor is ${shown} but must be a next_cursor of this very list`;
  throw new AppError('VALIDATION_FAILED', `${detail}.`, { errors: [{ pointer: '/cursor', detail }] });
}
