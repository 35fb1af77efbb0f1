import { computed, signal } from '@preact/signals';

/** The current address: `#/jobs/job_1?target=2` is ['jobs', 'job_1'] and {target: '2'}. */
export interface Route {
  readonly path: readonly string[];
  readonly query: Query;
}

export type Query = Readonly<Record<string, string>>;

const hash = signal(location.hash);
/** Counts the places that were opened; another query is not another place. */
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

/** An address that was typed may be malformed. It is then used as it is, and the page says that nothing is there. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/**
 * A way from this place to another, for work that ends later: it leads nowhere once the user has left this place, even
 * if he has come back since. Take it before anything is awaited.
 */
export function wayFromHere(): (to: string) => void {
  const begun = visits;
  return (to) => {
    if (visits === begun) location.hash = to;
  };
}

/** Changes the query of this page without a new entry in the history. */
export function setQuery(query: Query): void {
  const params = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== ''));
  const path = hash.value.split('?', 1)[0] || '#/';
  const next = params.size > 0 ? `${path}?${params}` : path;
  history.replaceState(null, '', next);
  hash.value = next;
}
