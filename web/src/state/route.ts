import { computed, signal } from '@preact/signals';

/** The current address: `#/jobs/job_1?target=2` is ['jobs', 'job_1'] and {target: '2'}. */
export interface Route {
  readonly path: readonly string[];
  readonly query: Query;
}

export type Query = Readonly<Record<string, string>>;

const hash = signal(location.hash);
/** Counts the pages that were opened; a change of the query does not count. */
let visits = 0;
addEventListener('hashchange', () => {
  const before = route.value.path.join('/');
  hash.value = location.hash;
  if (route.value.path.join('/') !== before) visits++;
});

export const route = computed<Route>(() => {
  const [path = '', query = ''] = hash.value.replace(/^#\/?/, '').split('?', 2);
  return {
    path: path.split('/').filter(Boolean).map(decoded),
    query: Object.fromEntries(new URLSearchParams(query)),
  };
});

/**
 * Decodes a part of an address. A typed address may be malformed; it is then used unchanged, and the page
 * reports that it does not exist.
 */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/**
 * Returns a function that navigates from this page to another, for work that ends later. It does nothing
 * once the user has left this page, even if they have come back since. Call this before awaiting anything.
 */
export function navigatorFromHere(): (to: string) => void {
  const visitsBefore = visits;
  return (to) => {
    if (visits === visitsBefore) location.hash = to;
  };
}

/** Changes the query of this page without adding an entry to the history. */
export function setQuery(query: Query): void {
  const params = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== ''));
  const path = hash.value.split('?', 1)[0] || '#/';
  const next = params.size > 0 ? `${path}?${params}` : path;
  history.replaceState(null, '', next);
  hash.value = next;
}
