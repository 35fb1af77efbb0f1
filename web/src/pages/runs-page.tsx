import type { RunSummary } from '../../../src/contract/list.ts';
import { PagesOf } from '../components/pages-of.tsx';
import { Panel } from '../components/panel.tsx';
import { moment } from '../words/moments.ts';

const NO_QUERY = {};

/** All annealing runs, newest first. */
export function RunsPage() {
  return (
    <div class="stack">
      <h1>Annealing runs</h1>
      <Panel
        title="Trainings whose rank falls"
        note="A trainer begins a run by POST /v1/runs and sends its checkpoints; here is where they stand."
      >
        <PagesOf<RunSummary> path="/v1/runs" query={NO_QUERY} empty="There is no run yet.">
          {(runs) => <RunRows runs={runs} />}
        </PagesOf>
      </Panel>
    </div>
  );
}

const RunRows = ({ runs }: { runs: readonly RunSummary[] }) => (
  <table class="rows">
    <thead>
      <tr>
        <th scope="col">Run</th>
        <th scope="col">Mode</th>
        <th scope="col" class="number">
          Step
        </th>
        <th scope="col" class="number">
          Checkpoints
        </th>
        <th scope="col" class="extra">
          Begun
        </th>
      </tr>
    </thead>
    <tbody>
      {runs.map((run) => (
        <tr key={run.id}>
          <td>
            <a href={`#/runs/${run.id}`}>{run.name ?? run.base_model ?? run.id}</a>
          </td>
          <td>{run.mode}</td>
          <td class="number">{run.step ?? '–'}</td>
          <td class="number">{run.checkpoints}</td>
          <td class="extra">{moment(run.created_at)}</td>
        </tr>
      ))}
    </tbody>
  </table>
);
