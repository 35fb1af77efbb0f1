import type { FunctionComponent } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Problem } from '../api/problem.ts';
import { FailedPage } from './failed-page.tsx';

const NOT_LOADED: Problem = {
  title: 'This page could not be loaded',
  detail: 'The service cannot be reached, or it was updated since this tab was opened. Reload the tab.',
  code: 'PAGE_NOT_LOADED',
  status: 0,
  retryable: true,
};

/** Makes a page that is loaded when it is first opened, so that other pages need not wait for it. */
export function lazyPage<Props extends object>(
  load: () => Promise<FunctionComponent<Props>>,
): FunctionComponent<Props> {
  let loaded: FunctionComponent<Props> | undefined;
  return function LazyPage(props: Props) {
    const [Page, setPage] = useState(() => loaded);
    const [isFailed, setFailed] = useState(false);
    const open = () => {
      setFailed(false);
      load().then(
        (page) => {
          loaded = page;
          setPage(() => page);
        },
        () => setFailed(true),
      );
    };
    useEffect(() => {
      if (!loaded) open();
    }, []);
    if (isFailed) return <FailedPage title="Not loaded" problem={NOT_LOADED} onAgain={open} />;
    return Page ? <Page {...props} /> : <p class="note">Loading…</p>;
  };
}
