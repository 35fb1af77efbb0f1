import { useEffect, useRef } from 'preact/hooks';
import { DropAnywhere } from './components/drop-anywhere.tsx';
import { KeyForm } from './components/key-form.tsx';
import { SiteHeader } from './components/site-header.tsx';
import { UploadList, UploadNews } from './components/upload-list.tsx';
import { AdapterPage } from './pages/adapter-page.tsx';
import { AdaptersPage } from './pages/adapters-page.tsx';
import { ComparePage } from './pages/compare-page.tsx';
import { JobPage } from './pages/job-page.tsx';
import { JobsPage } from './pages/jobs-page.tsx';
import { RunPage } from './pages/run-page.tsx';
import { RunsPage } from './pages/runs-page.tsx';
import { StartPage } from './pages/start-page.tsx';
import { refused } from './state/key.ts';
import { type Route, route } from './state/route.ts';
import { uploads } from './state/uploads.ts';

/** The whole page: header, uploads, the place the address names, footer. */
export function App() {
  const main = useRef<HTMLElement>(null);
  const here = route.value.path.join('/');
  const isFirst = useRef(true);
  useEffect(() => {
    document.title = `${titleOf(route.value)} · LoRA-Squeeze`;
    // Another place: whoever reads by ear or keyboard begins at its top.
    if (!isFirst.current) main.current!.focus();
    isFirst.current = false;
    scrollTo(0, 0);
  }, [here]);
  const isLocked = refused.value !== null;
  return (
    <>
      <button type="button" class="skip" onClick={() => main.current!.focus()}>
        Skip to content
      </button>
      <SiteHeader />
      <UploadNews />
      {/* The start page has the list in its own place. */}
      {uploads.value.length > 0 && (isLocked || here !== '') && (
        <section class="tray" aria-label="Uploads">
          <UploadList />
        </section>
      )}
      <main id="main" ref={main} tabIndex={-1}>
        <KeyForm />
        {/* Nothing can be seen without a key, so nothing else has to say so. */}
        <div hidden={isLocked} key={here}>
          <Place route={route.value} />
        </div>
      </main>
      <footer class="site-footer">
        <p>
          Errors are ‖ΔW − ΔW′‖ / ‖ΔW‖ of the update itself. How much of that a task notices, only its own
          evaluation tells.
        </p>
        <p>
          <a href="/docs">API</a> · <a href="/openapi.yaml">Contract</a>
        </p>
      </footer>
      <DropAnywhere />
    </>
  );
}

function Place({ route: { path, query } }: { route: Route }) {
  const [place, id] = path;
  switch (place) {
    case undefined:
      return <StartPage />;
    case 'adapters':
      return id === undefined ? <AdaptersPage query={query} /> : <AdapterPage id={id} />;
    case 'jobs':
      return id === undefined ? <JobsPage query={query} /> : <JobPage id={id} />;
    case 'compare':
      return <ComparePage query={query} />;
    case 'runs':
      return id === undefined ? <RunsPage /> : <RunPage id={id} />;
    default:
      return (
        <section class="panel">
          <h1>Nothing is here</h1>
          <p>
            This address has no page. <a href="#/">Go to the start page</a>
          </p>
        </section>
      );
  }
}

function titleOf({ path: [place, id] }: Route): string {
  const titles: Readonly<Record<string, string>> = {
    adapters: 'Adapters',
    jobs: 'Jobs',
    compare: 'Compare',
    runs: 'Annealing',
  };
  const title = titles[place ?? ''] ?? 'Squeeze';
  return id === undefined ? title : `${title.replace(/s$/, '')} ${id.slice(0, 12)}`;
}
