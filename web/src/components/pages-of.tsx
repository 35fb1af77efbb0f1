import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { type Problem, problemOf } from '../api/problem.ts';
import { get, pathWith } from '../api/request.ts';
import { useLoaded } from '../state/use-loaded.ts';
import { ProblemNote } from './problem-note.tsx';

const LIMIT = 30;

interface PagesOfProps<Page extends { next_cursor: string | null }, Item> {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly itemsOf: (page: Page) => readonly Item[];
  readonly empty: string;
  readonly children: (items: readonly Item[]) => ComponentChildren;
}

/** A list of the API, page after page. */
export function PagesOf<Page extends { next_cursor: string | null }, Item>(props: PagesOfProps<Page, Item>) {
  const { path, query, itemsOf, empty, children } = props;
  const asked = pathWith(path, { ...query, limit: LIMIT });
  const { value: first, problem, again } = useLoaded((signal) => get<Page>(asked, signal), [asked]);
  const [rest, setRest] = useState<{ of: Page; pages: readonly Page[] } | null>(null);
  const [moreProblem, setMoreProblem] = useState<Problem | null>(null);
  if (problem) return <ProblemNote problem={problem} onAgain={again} />;
  if (!first) return <p class="note">Loading…</p>;

  // Pages that follow belong to the first one: another first page, none of them.
  const pages = [first, ...(rest?.of === first ? rest.pages : [])];
  const cursor = pages.at(-1)!.next_cursor;
  const items = pages.flatMap(itemsOf);
  const more = () => {
    setMoreProblem(null);
    get<Page>(pathWith(path, { ...query, limit: LIMIT, cursor: cursor! })).then(
      (page) => setRest({ of: first, pages: [...pages.slice(1), page] }),
      (error: unknown) => setMoreProblem(problemOf(error)),
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
