import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { type Problem, problemOf } from '../api/problem.ts';
import { get, type Page, pathWith } from '../api/request.ts';
import { useLoaded } from '../state/use-loaded.ts';
import { ProblemNote } from './problem-note.tsx';

const LIMIT = 30;

interface PagesOfProps<Item> {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly empty: string;
  readonly children: (items: readonly Item[]) => ComponentChildren;
}

/** The pages after the first one, and why there are no more of them. */
interface Rest<Item> {
  readonly of: Page<Item>;
  readonly pages: readonly Page<Item>[];
  readonly problem: Problem | null;
}

const NOTHING_MORE = { pages: [], problem: null };

/** A list of the API, page after page. */
export function PagesOf<Item>({ path, query, empty, children }: PagesOfProps<Item>) {
  const asked = pathWith(path, { ...query, limit: LIMIT });
  const { value: first, problem, again } = useLoaded((signal) => get<Page<Item>>(asked, signal), [asked]);
  const [rest, setRest] = useState<Rest<Item> | null>(null);
  if (problem) return <ProblemNote problem={problem} onAgain={again} />;
  if (!first) return <p class="note">Loading…</p>;

  // What follows belongs to the first page: with another first page it does not count.
  const { pages: following, problem: moreProblem } = rest?.of === first ? rest : NOTHING_MORE;
  const pages = [first, ...following];
  const cursor = pages.at(-1)!.next_cursor;
  const items = pages.flatMap(({ data }) => data);
  // An answer that comes after another list was loaded must not replace what follows that list.
  const tell = (next: Rest<Item>) => setRest((now) => (now?.of === next.of ? next : now));
  const more = () => {
    setRest({ of: first, pages: following, problem: null });
    get<Page<Item>>(pathWith(path, { ...query, limit: LIMIT, cursor: cursor! })).then(
      (page) => tell({ of: first, pages: [...following, page], problem: null }),
      (error: unknown) => tell({ of: first, pages: following, problem: problemOf(error) }),
    );
  };
  return (
    <>
      {items.length === 0 ? <p class="note">{empty}</p> : children(items)}
      <ProblemNote problem={moreProblem} />
      <div class="row">
        {cursor !== null && (
          <button type="button" onClick={more}>
            Show more
          </button>
        )}
        <button type="button" class="quiet" onClick={again}>
          Refresh
        </button>
      </div>
    </>
  );
}
