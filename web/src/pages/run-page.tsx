import { useMemo } from 'preact/hooks';
import { formatPercent, formatProgress } from '../../../src/charts/format.ts';
import { paletteOf } from '../../../src/charts/palette.ts';
import { bandsHeight, rankBands } from '../../../src/charts/rank-bands.ts';
import { stepClock, validCheckpoints } from '../../../src/charts/run-timeline.ts';
import type { CheckpointRecord, RunRecord } from '../../../src/contract/run.ts';
import type { RunLearningRate, Stage } from '../../../src/contract/schedule.ts';
import { get, remove } from '../api/request.ts';
import { Bar } from '../components/bar.tsx';
import { Chart } from '../components/chart.tsx';
import { ChartTable } from '../components/chart-table.tsx';
import { ConfirmButton } from '../components/confirm-button.tsx';
import { CopyRequest } from '../components/copy-request.tsx';
import { EditableName } from '../components/editable-name.tsx';
import { Facts } from '../components/facts.tsx';
import { FailedPage } from '../components/failed-page.tsx';
import { Panel } from '../components/panel.tsx';
import { RecordTable } from '../components/record-table.tsx';
import { SqueezeDetails } from '../components/squeeze-details.tsx';
import { StateBadge } from '../components/state-badge.tsx';
import { Tiles } from '../components/tiles.tsx';
import { formatFactor, Timeline } from '../components/timeline.tsx';
import { isReader } from '../state/access.ts';
import { notifyTopics } from '../state/live.ts';
import { navigatorFromHere } from '../state/route.ts';
import { scheme } from '../state/scheme.ts';
import { useTitle } from '../state/title.ts';
import { useLoaded } from '../state/use-loaded.ts';
import { type RankHistory, useRankHistory } from '../state/use-rank-history.ts';
import { rankRange } from '../text/describe-target.ts';
import { formatMoment } from '../text/format-time.ts';

/** Checkpoints that are kept unchanged have no job, so no event announces them. */
const READ_AGAIN_MS = 5_000;

/**
 * The page of an annealing run: its plan, its current stage, and its checkpoints. It updates itself while
 * it is open.
 */
export function RunPage({ id }: { id: string }) {
  const {
    value: run,
    problem,
    again,
  } = useLoaded((signal) => get<RunRecord>(`/v1/runs/${id}`, signal), [id], ['runs'], READ_AGAIN_MS);
  useTitle(
    run &&
      `${formatProgress((run.step ?? 0) / stepClock(run).total_steps)}, rank ${rankRange(run.rank)} · ${nameOf(run)}`,
  );
  if (problem) return <FailedPage title="Annealing run" problem={problem} onAgain={again} />;
  if (!run) return <p class="note">Loading…</p>;
  return (
    <div class="stack">
      <Head run={run} />
      <Timeline run={run} />
      <ModuleRanks run={run} />
      <SqueezeDetails run={run} />
      <Panel title="Checkpoints">
        {run.checkpoints.length === 0 ? (
          <p class="note">The trainer has sent no checkpoint yet.</p>
        ) : (
          <Checkpoints checkpoints={run.checkpoints} />
        )}
        <NextCheckpoint run={run} />
      </Panel>
    </div>
  );
}

const titleOf = ({ base_model: base }: RunRecord): string =>
  base === null ? 'Annealing run' : `Annealing of ${base}`;
const nameOf = (run: RunRecord): string => run.name ?? titleOf(run);
const count = (value: number): string => value.toLocaleString('en');

function Head({ run }: { run: RunRecord }) {
  const { id, step, rank, learning_rate: rate, next_checkpoint_step: next } = run;
  const { source_rank: source, target_rank: target, total_steps: total } = stepClock(run);
  const stages = run.schedule?.stages ?? [];
  const last = stages.at(-1);
  const newest = validCheckpoints(run).findLast(({ relative_error: error }) => error !== null);
  const drop = async () => {
    const go = navigatorFromHere();
    await remove(`/v1/runs/${id}`);
    notifyTopics('runs');
    go('/runs');
  };
  return (
    <section class="panel">
      <EditableName
        path={`/v1/runs/${id}`}
        name={run.name}
        title={titleOf(run)}
        isOptional
        onChanged={() => notifyTopics('runs')}
      />
      <Bar share={(step ?? 0) / total} label="Steps" />
      <Tiles
        tiles={[
          { title: 'Rank', value: rankRange(rank), note: `from ${source}, to ${target}` },
          {
            title: 'Step',
            value: step === null ? '–' : count(step),
            note: `of ${count(total)}; ${nextInWords(run, next)}`,
          },
          { title: 'Peak learning rate', value: formatFactor(rate.factor), note: curveInWords(rate) },
          {
            title: 'Error of the last squeeze',
            value: newest ? formatPercent(newest.relative_error!) : '–',
            note: newest ? `whole adapter, at step ${count(newest.step)}` : 'nothing was squeezed yet',
          },
        ]}
      />
      <Facts
        facts={{
          'Base model': run.base_model,
          Mode: run.mode,
          'Last stage': last && shareInWords(last, stages.length),
          Started: formatMoment(run.created_at),
          ID: <code>{id}</code>,
        }}
      />
      {run.notes.map((note) => (
        <p class="note" key={note}>
          {note}
        </p>
      ))}
      <div class="row">
        <ConfirmButton scope="write" verb="Delete" question={`Delete ${nameOf(run)}?`} onConfirm={drop}>
          <p>The checkpoints of the run and their jobs are deleted too. The adapters stay.</p>
        </ConfirmButton>
      </div>
    </section>
  );
}

const isFinished = (run: RunRecord): boolean => run.step === stepClock(run).total_steps;

function nextInWords(run: RunRecord, next: number | null): string {
  if (isFinished(run)) return 'finished';
  if (next !== null) return `next checkpoint at ${count(next)}`;
  return run.at_target ? 'the target rank is reached' : 'no further checkpoint is due';
}

function curveInWords({ warm_up_steps, decay_steps, begin_step, end_step }: RunLearningRate): string {
  const warmUp = warm_up_steps > 0 ? `warm-up until step ${begin_step + warm_up_steps}` : '';
  const decay = decay_steps > 0 ? `decay from step ${end_step - decay_steps} to ${end_step}` : '';
  return [warmUp, decay].filter(Boolean).join(', ') || 'constant';
}

const shareInWords = ({ rank, steps, learning_rate }: Stage, stages: number): string =>
  `rank ${rank}, stage ${stages} of ${stages}: ${steps} steps, ${formatPercent(learning_rate.share)} of Σ(learning rate × steps)`;

/** The rank of each module as bands over the steps. */
function ModuleRanks({ run }: { run: RunRecord }) {
  const history = useRankHistory(run);
  const palette = paletteOf(scheme.value);
  const { total_steps: totalSteps } = stepClock(run);
  const untilStep = run.step ?? 0;
  const option = useMemo(
    () => history && rankBands({ palette, history, untilStep, totalSteps }),
    [palette, history, untilStep, totalSteps],
  );
  if (!history || history.length === 0 || !option) return null;
  const modules = [...history[0]!.ranks.keys()];
  return (
    <Panel
      title="Rank of each module"
      note={`A band for each module; its colour is the rank. ${parametersInWords(history)}`}
    >
      <Chart
        option={option}
        height={bandsHeight(modules.length)}
        label={`Ranks of ${modules.length} modules from step 0 to ${untilStep}, after ${history.length - 1} squeezes.`}
      >
        <ChartTable
          caption="Rank of each module"
          head={['Module', ...history.map(({ step }) => `From step ${step}`)]}
          rows={() => modules.map((name) => [name, ...history.map(({ ranks }) => ranks.get(name) ?? '–')])}
        />
      </Chart>
    </Panel>
  );
}

/** The memory of weights, gradients and moments of an adapter grows with the number of its parameters. */
function parametersInWords(history: readonly RankHistory[]): string {
  const [first, last] = [history[0]!.parameters, history.at(-1)!.parameters];
  return `The adapter has ${count(last)} of its original ${count(first)} parameters, and its training takes ${formatPercent(last / first)} of the original memory.`;
}

/** The call with which a trainer sends the next checkpoint, or what remains to be done if the run asks for no other. */
function NextCheckpoint({ run }: { run: RunRecord }) {
  const { id, next_checkpoint_step: step, checkpoints } = run;
  if (step === null) return <Ending run={run} />;
  if (isReader()) return <p class="note">This key may only read: it cannot send a checkpoint.</p>;
  return (
    <>
      <CopyRequest
        request={{ kind: 'checkpoint', run_id: id, step }}
        title={`Request for the checkpoint of step ${count(step)}`}
        isOpenAtFirst={checkpoints.length === 0}
      />
      <p class="note">
        The trainer sends this request; <code>optimizer.safetensors</code> is optional. The{' '}
        <a href="/docs">API</a> describes the response, with the files to continue with.
      </p>
    </>
  );
}

function Ending({ run }: { run: RunRecord }) {
  const end = `step ${count(stepClock(run).total_steps)}`;
  return (
    <p class="note">
      {isFinished(run)
        ? 'The run is finished.'
        : `The run needs no more checkpoints: the trainer goes on to ${end} at this rank.`}{' '}
      The result is the adapter that the trainer writes at {end}. The service stores only checkpoints that it
      squeezes: <a href="#/">upload that adapter</a> to see which servers load it.
    </p>
  );
}

const Checkpoints = ({ checkpoints }: { checkpoints: readonly CheckpointRecord[] }) => (
  <RecordTable
    label="Checkpoints"
    // The newest checkpoint comes first, because it is the one that users look for.
    rows={[...checkpoints].reverse()}
    keyOf={({ step, created_at: at }) => `${step} ${at}`}
    columns={[
      { title: 'Step', cell: ({ step }) => count(step), isNumber: true },
      {
        title: 'Decision',
        cell: ({ decision, job_id: job }) =>
          job === null ? decision : <a href={`#/jobs/${job}`}>{decision}</a>,
      },
      {
        title: 'State',
        cell: ({ superseded, state }) => <StateBadge state={superseded ? 'superseded' : state} />,
      },
      {
        title: 'Rank',
        cell: ({ rank_before: before, rank_after: after }) =>
          `${rankRange(before)}${after ? ` → ${rankRange(after)}` : ''}`,
        isNumber: true,
      },
      {
        title: 'Error',
        cell: ({ relative_error: error }) => (error === null ? '–' : formatPercent(error)),
        isNumber: true,
      },
      {
        title: 'Learning rate',
        cell: ({ learning_rate: rate }) => (rate ? formatFactor(rate.factor) : '–'),
        isNumber: true,
        isExtra: true,
      },
      {
        title: 'Loss',
        cell: ({ loss }) => loss?.toPrecision(4) ?? '–',
        isNumber: true,
        isExtra: true,
      },
      { title: 'Why', cell: ({ reason }) => reason, isExtra: true },
    ]}
  />
);
