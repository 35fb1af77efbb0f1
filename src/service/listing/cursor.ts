import { AppError } from '../../errors.ts';

const MAX_SHOWN = 60;

/**
 * A place in a list as clients get it: opaque, and of use for this list only.
 * @param place a key without its prefix
 */
export const cursorOf = (place: string): string => Buffer.from(place).toString('base64url');

/**
 * The place that a cursor names.
 * @param form of the places of this list
 * @throws AppError VALIDATION_FAILED
 */
export function placeOf(cursor: string, form: RegExp): string {
  const place = Buffer.from(cursor, 'base64url').toString('latin1');
  if (form.test(place) && cursorOf(place) === cursor) return place;
  const shown = JSON.stringify(cursor.slice(0, MAX_SHOWN));
  const detail = `cursor is ${shown} but must be a next_cursor of this very list`;
  throw new AppError('VALIDATION_FAILED', `${detail}.`, { errors: [{ pointer: '/cursor', detail }] });
}
