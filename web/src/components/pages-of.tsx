import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import type { Problem } from '../api/problem.ts';
import { get, type Page, pathWith } from '../api/request.ts';
import type { Topic } from '../state/live.ts';
import { useLoaded } from '../state/use-loaded.ts';
import { ProblemNote } from './problem-note.tsx';

const LIMIT = 30;
/** The largest page that the service returns. */
const MAX_LIMIT = 200;

interface PagesOfProps<Item> {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** The kinds of events after which the list is read again. */
  readonly topic: Topic;
  /** The interval of further reads, for lists that change in ways no event reports. */
  readonly everyMs?: number;
  readonly empty: ComponentChildren;
  readonly children: (items: readonly Item[]) => ComponentChildren;
}

/** A list from the API, which is updated when its records change; a button loads more of it. */
export function PagesOf<Item>({ path, query, topic, everyMs, empty, children }: PagesOfProps<Item>) {
  const asked = pathWith(path, query);
  const wanted = useRef({ asked, count: LIMIT });
  if (wanted.current.asked !== asked) wanted.current = { asked, count: LIMIT };
  const { value, problem, again, refresh } = useLoaded(
    (signal) => firstItems<Item>(path, query, wanted.current.count, signal),
    [asked],
    [topic],
    everyMs,
  );
  const [moreProblem, setMoreProblem] = useState<Problem | null>(null);
  if (problem) return <ProblemNote problem={problem} onAgain={again} />;
  if (!value) return <p class="note">Loading…</p>;
  const more = () => {
    wanted.current.count += LIMIT;
    setMoreProblem(null);
    void refresh().then(setMoreProblem);
  };
  return (
    <>
      {value.items.length === 0 ? <p class="note">{empty}</p> : children(value.items)}
      <ProblemNote problem={moreProblem} />
      {value.hasMore && (
        <div class="row">
          <button type="button" onClick={more}>
            Show more
          </button>
        </div>
      )}
    </>
  );
}

async function firstItems<Item>(
  path: string,
  query: Readonly<Record<string, string>>,
  count: number,
  signal: AbortSignal,
): Promise<{ readonly items: readonly Item[]; readonly hasMore: boolean }> {
  const items: Item[] = [];
  for (let cursor: string | undefined; ; ) {
    const limit = Math.min(MAX_LIMIT, count - items.length);
    const page = await get<Page<Item>>(pathWith(path, { ...query, limit, cursor }), signal);
    items.push(...page.data);
    if (page.next_cursor === null || items.length >= count)
      return { items, hasMore: page.next_cursor !== null };
    cursor = page.next_cursor;
  }
}
