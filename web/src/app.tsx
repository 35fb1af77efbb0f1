import { useEffect, useRef } from 'preact/hooks';
import { DropAnywhere } from './components/drop-anywhere.tsx';
import { KeyForm } from './components/key-form.tsx';
import { lazyPage } from './components/lazy-page.tsx';
import { SiteHeader } from './components/site-header.tsx';
import { UploadNews, UploadTray } from './components/upload-list.tsx';
import { AdaptersPage } from './pages/adapters-page.tsx';
import { JobsPage } from './pages/jobs-page.tsx';
import { RunsPage } from './pages/runs-page.tsx';
import { StartPage } from './pages/start-page.tsx';
import { accessRefusal } from './state/key.ts';
import { type Route, route } from './state/route.ts';
import { pageTitle } from './state/title.ts';
import { uploads } from './state/uploads.ts';

// Pages that need a click to open are loaded on that click, so that the first page need not wait for them.
const AdapterPage = lazyPage(async () => (await import('./pages/adapter-page.tsx')).AdapterPage);
const BatchPage = lazyPage(async () => (await import('./pages/batch-page.tsx')).BatchPage);
const BatchesPage = lazyPage(async () => (await import('./pages/batches-page.tsx')).BatchesPage);
const ComparePage = lazyPage(async () => (await import('./pages/compare-page.tsx')).ComparePage);
const JobPage = lazyPage(async () => (await import('./pages/job-page.tsx')).JobPage);
const MergePage = lazyPage(async () => (await import('./pages/merge-page.tsx')).MergePage);
const NewBatchPage = lazyPage(async () => (await import('./pages/new-batch-page.tsx')).NewBatchPage);
const PlanPage = lazyPage(async () => (await import('./pages/plan-page.tsx')).PlanPage);
const RunPage = lazyPage(async () => (await import('./pages/run-page.tsx')).RunPage);
const SettingsPage = lazyPage(async () => (await import('./pages/settings/settings-page.tsx')).SettingsPage);

/** The whole page: header, uploads, the page that the address names, and footer. */
export function App() {
  const main = useRef<HTMLElement>(null);
  const here = route.value.path.join('/');
  const isFirst = useRef(true);
  useEffect(() => {
    // On another page, users of screen readers and keyboards start at its top.
    if (!isFirst.current) main.current!.focus();
    isFirst.current = false;
    scrollTo(0, 0);
  }, [here]);
  const title = pageTitle.value ?? titleOf(route.value);
  useEffect(() => {
    document.title = `${title} · LoRA-Squeeze`;
  }, [title]);
  const isLocked = accessRefusal.value !== null;
  return (
    <>
      <button type="button" class="skip" onClick={() => main.current!.focus()}>
        Skip to content
      </button>
      <SiteHeader />
      <UploadNews />
      {/* The start page shows the list of uploads in a place of its own. */}
      {uploads.value.length > 0 && (isLocked || here !== '') && <UploadTray />}
      <main id="main" ref={main} tabIndex={-1}>
        <KeyForm />
        {/* Without a valid key no page can load its data; hidden pages do not each report that. */}
        <div hidden={isLocked} key={here}>
          <RoutedPage route={route.value} />
        </div>
      </main>
      <footer class="site-footer">
        <p>
          Errors are those of the update itself, ‖ΔW − ΔW′‖ / ‖ΔW‖. Only an evaluation on your task shows how
          much these errors matter.
        </p>
        <p>
          <a href="/docs">API</a> · <a href="/openapi.yaml">OpenAPI</a>
        </p>
      </footer>
      <DropAnywhere />
    </>
  );
}

function RoutedPage({ route: { path, query } }: { route: Route }) {
  const [place, id, ...rest] = path;
  switch (place) {
    case undefined:
      return <StartPage />;
    case 'adapters':
      return id === undefined ? <AdaptersPage query={query} /> : <AdapterPage id={id} />;
    case 'jobs':
      return id === undefined ? <JobsPage query={query} /> : <JobPage id={id} />;
    case 'batches':
      if (id === undefined) return <BatchesPage query={query} />;
      return id === 'new' ? <NewBatchPage /> : <BatchPage id={id} query={query} />;
    case 'merge':
      return <MergePage query={query} />;
    case 'settings':
      return <SettingsPage path={id === undefined ? [] : [id, ...rest]} query={query} />;
    case 'compare':
      return <ComparePage query={query} />;
    case 'runs':
      if (id === undefined) return <RunsPage query={query} />;
      return id === 'new' ? <PlanPage /> : <RunPage id={id} />;
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

function titleOf({ path: [place] }: Route): string {
  const titles: Readonly<Record<string, string>> = {
    adapters: 'Adapters',
    jobs: 'Jobs',
    batches: 'Batches',
    compare: 'Compare',
    merge: 'Merge',
    runs: 'Annealing',
    settings: 'Settings',
  };
  return titles[place ?? ''] ?? 'Squeeze';
}
