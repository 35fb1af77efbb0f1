import type { RunSummary } from '../../../src/contract/list.ts';
import { BaseModelFilter, NameFilter, SelectFilter, whyEmpty } from '../components/filters.tsx';
import { PagesOf } from '../components/pages-of.tsx';
import { Panel } from '../components/panel.tsx';
import { RecordTable } from '../components/record-table.tsx';
import { hasScope } from '../state/access.ts';
import type { Query } from '../state/route.ts';
import { formatMoment } from '../text/format-time.ts';

const MODES = [
  ['scheduled', 'Scheduled'],
  ['adaptive', 'Adaptive'],
] as const;

/** Checkpoints that are kept unchanged have no job, so no event announces them. */
const READ_AGAIN_MS = 10_000;

/** All annealing runs, newest first. */
export const RunsPage = ({ query }: { query: Query }) => (
  <div class="stack">
    <h1>Annealing runs</h1>
    <Panel
      title="Newest first"
      actions={
        hasScope('write') && (
          <a class="button primary" href="#/runs/new">
            New run…
          </a>
        )
      }
      note={
        <>
          In an annealing run the rank falls while training goes on. It is started here or by the trainer,
          which sends its checkpoints with the <a href="/docs">API</a> or a client.
        </>
      }
    >
      <div class="filters">
        <NameFilter query={query} />
        <BaseModelFilter query={query} />
        <SelectFilter label="Mode" name="mode" query={query} options={MODES} />
      </div>
      <PagesOf<RunSummary>
        path="/v1/runs"
        query={query}
        topic="runs"
        everyMs={READ_AGAIN_MS}
        empty={whyEmpty('run', query)}
      >
        {(runs) => <RunRows runs={runs} />}
      </PagesOf>
    </Panel>
  </div>
);

const stepInWords = ({ step, total_steps: total }: RunSummary): string => {
  const end = total.toLocaleString('en');
  if (step === total) return `finished at ${end}`;
  return `${(step ?? 0).toLocaleString('en')} of ${end}`;
};

const RunRows = ({ runs }: { runs: readonly RunSummary[] }) => (
  <RecordTable
    label="Runs"
    rows={runs}
    keyOf={({ id }) => id}
    columns={[
      {
        title: 'Run',
        cell: ({ id, name, base_model: base }) => (
          <>
            <a href={`#/runs/${id}`}>{name ?? base ?? id}</a>
            {name !== null && <span class="note line">{base ?? ''}</span>}
          </>
        ),
      },
      { title: 'Mode', cell: ({ mode }) => mode, isExtra: true },
      { title: 'Step', cell: stepInWords, isNumber: true },
      { title: 'Checkpoints', cell: ({ checkpoints }) => checkpoints, isNumber: true },
      { title: 'Created', cell: (run) => formatMoment(run.created_at), isExtra: true },
    ]}
  />
);
