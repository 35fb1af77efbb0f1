import type { AdapterRecord } from '../../../src/contract/adapter.ts';
import { get, type Page } from '../api/request.ts';
import { AdapterCards } from '../components/adapter-cards.tsx';
import { DropZone } from '../components/drop-zone.tsx';
import { Panel } from '../components/panel.tsx';
import { ProblemNote } from '../components/problem-note.tsx';
import { useLoaded } from '../state/use-loaded.ts';

const STEPS = [
  ['Drop', 'See every module, and where the energy of its update is.'],
  ['Drag', 'Watch how error and size change with the rank, before anything is written.'],
  ['Download', 'Get an ordinary adapter, and a report that shows how close it is.'],
] as const;

/** The start page: upload an adapter, or open one that the service has. */
export function StartPage() {
  const { value, problem, again } = useLoaded(
    (signal) => get<Page<AdapterRecord>>('/v1/adapters?limit=6', signal),
    [],
    ['adapters'],
  );
  return (
    <div class="stack">
      <section class="hero">
        <h1>Train at a generous rank, serve at a small one.</h1>
        <DropZone />
        <ol class="steps">
          {STEPS.map(([title, words]) => (
            <li key={title}>
              <strong>{title}</strong>
              <span>{words}</span>
            </li>
          ))}
        </ol>
      </section>
      <ProblemNote problem={problem} onAgain={again} />
      {value && value.data.length > 0 && (
        <Panel title="Newest adapters" actions={<a href="#/adapters">All adapters</a>}>
          <AdapterCards adapters={value.data} />
        </Panel>
      )}
    </div>
  );
}
