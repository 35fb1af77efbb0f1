import { useMemo } from 'preact/hooks';
import { paletteOf } from '../../../src/charts/palette.ts';
import { stagesChart } from '../../../src/charts/stages-chart.ts';
import { percent } from '../../../src/charts/words.ts';
import type { CheckpointRecord, RunRecord } from '../../../src/contract/run.ts';
import type { RunLearningRate, Stage } from '../../../src/contract/schedule.ts';
import { get } from '../api/request.ts';
import { Chart } from '../components/chart.tsx';
import { ChartTable } from '../components/chart-table.tsx';
import { Facts } from '../components/facts.tsx';
import { FailedPage } from '../components/failed-page.tsx';
import { Panel } from '../components/panel.tsx';
import { StateBadge } from '../components/state-badge.tsx';
import { scheme } from '../state/scheme.ts';
import { useLoaded } from '../state/use-loaded.ts';
import { moment } from '../words/moments.ts';
import { rankRange } from '../words/target-in-words.ts';

/** An annealing run: its plan, and what became of its checkpoints. */
export function RunPage({ id }: { id: string }) {
  const {
    value: run,
    problem,
    again,
  } = useLoaded((signal) => get<RunRecord>(`/v1/runs/${id}`, signal), [id]);
  const palette = paletteOf(scheme.value);
  const option = useMemo(() => run && stagesChart({ palette, run }), [palette, run]);
  if (problem) return <FailedPage title="An annealing run" problem={problem} onAgain={again} />;
  if (!run || !option) return <p class="note">Loading…</p>;
  const stages = run.schedule?.stages ?? [];
  const last = stages.at(-1);
  return (
    <div class="stack">
      <section class="panel">
        <h1 class="long">{run.name ?? 'An annealing run'}</h1>
        <Facts
          facts={{
            'Base model': run.base_model,
            Mode: run.mode,
            'Rank now': rankRange(run.rank),
            'Newest step': run.step,
            'Next checkpoint': run.next_checkpoint_step ?? (run.at_target ? 'at its target' : null),
            'Learning rate now': curveInWords(run.learning_rate),
            'Last stage': last && shareInWords(last, stages.length),
            Begun: moment(run.created_at),
            Id: <code>{run.id}</code>,
          }}
        />
        {run.notes.map((note) => (
          <p class="note" key={note}>
            {note}
          </p>
        ))}
        <div class="row">
          <button type="button" onClick={again}>
            Refresh
          </button>
        </div>
      </section>
      <Panel title="Stages">
        <Chart
          option={option}
          label={`Ranks over the steps. Planned: ${stages.map(({ rank, begin_step: at }) => `${rank} from step ${at}`).join(', ') || 'by the spectrum'}.`}
        >
          {stages.length > 0 && (
            <ChartTable
              caption="Stages"
              head={['Rank', 'From step', 'To step', 'Learning rate', 'Warm-up', 'Decay', 'Share']}
              rows={() => stages.map(stageCells)}
            />
          )}
        </Chart>
      </Panel>
      <Panel title="Checkpoints">
        {run.checkpoints.length === 0 ? (
          <p class="note">None was sent yet.</p>
        ) : (
          <Checkpoints checkpoints={run.checkpoints} />
        )}
      </Panel>
    </div>
  );
}

const times = (factor: number): string => `× ${factor.toFixed(2)}`;

/** A stage in the table: its rank and steps, and how its learning rate goes. */
const stageCells = ({ rank, begin_step, end_step, learning_rate }: Stage) => [
  rank,
  begin_step,
  end_step,
  times(learning_rate.factor),
  learning_rate.warm_up_steps,
  learning_rate.decay_steps,
  percent(learning_rate.share),
];

function curveInWords({ factor, warm_up_steps, decay_steps, begin_step, end_step }: RunLearningRate): string {
  const warmUp = warm_up_steps > 0 ? `, warm-up until step ${begin_step + warm_up_steps}` : '';
  const decay = decay_steps > 0 ? `, decay from step ${end_step - decay_steps} to ${end_step}` : '';
  return `${times(factor)}${warmUp}${decay}`;
}

const shareInWords = ({ rank, steps, learning_rate }: Stage, stages: number): string =>
  `rank ${rank}, stage ${stages} of ${stages}: ${steps} steps, ${percent(learning_rate.share)} of Σ(learning rate × steps)`;

const Checkpoints = ({ checkpoints }: { checkpoints: readonly CheckpointRecord[] }) => (
  <table class="rows">
    <thead>
      <tr>
        <th scope="col" class="number">
          Step
        </th>
        <th scope="col">Decision</th>
        <th scope="col">State</th>
        <th scope="col" class="number">
          Rank
        </th>
        <th scope="col" class="number extra">
          Learning rate
        </th>
        <th scope="col" class="number">
          Error
        </th>
        <th scope="col" class="extra">
          Why
        </th>
      </tr>
    </thead>
    <tbody>
      {checkpoints.map((checkpoint, index) => (
        <tr key={index}>
          <td class="number">{checkpoint.step}</td>
          <td>
            {checkpoint.job_id === null ? (
              checkpoint.decision
            ) : (
              <a href={`#/jobs/${checkpoint.job_id}`}>{checkpoint.decision}</a>
            )}
          </td>
          <td>
            <StateBadge state={checkpoint.superseded ? 'superseded' : checkpoint.state} />
          </td>
          <td class="number">
            {rankRange(checkpoint.rank_before)}
            {checkpoint.rank_after && ` → ${rankRange(checkpoint.rank_after)}`}
          </td>
          <td class="number extra">
            {checkpoint.learning_rate ? times(checkpoint.learning_rate.factor) : '–'}
          </td>
          <td class="number">
            {checkpoint.relative_error === null ? '–' : percent(checkpoint.relative_error)}
          </td>
          <td class="extra">{checkpoint.reason}</td>
        </tr>
      ))}
    </tbody>
  </table>
);
