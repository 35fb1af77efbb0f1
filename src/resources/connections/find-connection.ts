import { AppError } from '../../errors/app-error.ts';
import { isWithinEdits } from '../../errors/edit-distance.ts';
import type { ConnectionAccess } from '../../transfer/connection-access.ts';
import { isWithin, type Place, placeText, readPlace } from '../../transfer/place.ts';

/** The most connections that a message names. */
const MAX_SHOWN = 5;

/**
 * The connection that includes a place; of several, the one with the longest prefix.
 * @returns undefined if there is none
 * @throws AppError CONNECTION_AMBIGUOUS if several have equally long prefixes
 */
export function findConnection(
  place: Place,
  connections: readonly ConnectionAccess[],
): ConnectionAccess | undefined {
  let longest = -1;
  let best: ConnectionAccess[] = [];
  for (const connection of connections) {
    if (connection.kind !== place.kind) continue;
    const length = Math.max(-1, ...matches(place, connection).map(({ parts }) => parts.length));
    if (length < 0 || length < longest) continue;
    best = length > longest ? [connection] : [...best, connection];
    longest = length;
  }
  if (best.length < 2) return best[0];
  const names = best.map(({ name }) => name);
  throw new AppError(
    'CONNECTION_AMBIGUOUS',
    `The connections ${names.map((name) => JSON.stringify(name)).join(' and ')} cover ${placeText(place)} with ` +
      'equally long prefixes. Choose one: give the location as an object with a "connection".',
    { place: placeText(place), connections: names },
  );
}

const matches = (place: Place, { prefixes }: ConnectionAccess): Place[] =>
  prefixes.map(readPlace).filter((prefix) => isWithin(place, prefix));

/** The error for a location that no connection covers; it names the connections that come closest. */
export function connectionNeeded(place: Place, connections: readonly ConnectionAccess[]): AppError {
  const alike = connections.filter(({ kind }) => kind === place.kind);
  const near = alike.filter(({ prefixes }) => prefixes.some((prefix) => isNear(place, readPlace(prefix))));
  const shown = (near.length > 0 ? near : alike).slice(0, MAX_SHOWN);
  const list = shown.map(
    ({ name, prefixes }) => `${JSON.stringify(name)} (${prefixes.slice(0, MAX_SHOWN).join(', ')})`,
  );
  const others =
    list.length === 0
      ? 'There is no connection of this kind yet'
      : `The ${near.length > 0 ? 'nearest ' : ''}connections are ${list.join(', ')}`;
  return new AppError(
    'CONNECTION_NEEDED',
    `No connection covers ${placeText(place)}. ${others}. Create one with POST /v1/connections, or send ` +
      'credentials with the request.',
    {
      place: placeText(place),
      connections: shown.map(({ name, prefixes }) => ({ name, prefixes: prefixes.slice(0, MAX_SHOWN) })),
    },
  );
}

/** Whether a prefix has the same bucket, owner or host as the place, or one whose name differs by a typing error. */
function isNear(place: Place, prefix: Place): boolean {
  const [one, other] = [place, prefix].map(({ kind, root, parts }) =>
    kind === 'hub' ? (parts[0] ?? '') : root,
  );
  return isWithinEdits(one!, other!, 2);
}
