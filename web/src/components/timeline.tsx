import { useMemo } from 'preact/hooks';
import { formatPercent } from '../../../src/charts/format.ts';
import { paletteOf } from '../../../src/charts/palette.ts';
import { runTimeline, type TimelineRun, timelineHeight } from '../../../src/charts/run-timeline.ts';
import type { Stage } from '../../../src/contract/schedule.ts';
import { scheme } from '../state/scheme.ts';
import { rankRange } from '../text/describe-target.ts';
import { Chart } from './chart.tsx';
import { ChartTable } from './chart-table.tsx';
import { Panel } from './panel.tsx';

/** Planned and reached ranks, errors, learning rate and loss over the steps. */
export function Timeline({ run }: { run: TimelineRun }) {
  const palette = paletteOf(scheme.value);
  const option = useMemo(() => runTimeline({ palette, run }), [palette, run]);
  const stages = run.schedule?.stages ?? [];
  const planned = stages.map(({ rank, begin_step: at }) => `${rank} from step ${at}`).join(', ');
  return (
    <Panel title="Over the steps">
      <Chart
        option={option}
        height={timelineHeight(run)}
        label={`Rank, error of each squeeze and learning rate over the steps. Planned ranks: ${planned || 'by the spectrum'}. Rank now: ${rankRange(run.rank)}.`}
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
  );
}

/** The cells of a stage: its rank, its steps, and the course of its learning rate. */
const stageCells = ({ rank, begin_step, end_step, learning_rate }: Stage) => [
  rank,
  begin_step,
  end_step,
  formatFactor(learning_rate.factor),
  learning_rate.warm_up_steps,
  learning_rate.decay_steps,
  formatPercent(learning_rate.share),
];

/** A factor of the peak of the learning rate. */
export const formatFactor = (factor: number): string => `×\u00a0${factor.toFixed(2)}`;
