import type { ECharts } from 'echarts/core';
import { useMemo } from 'preact/hooks';
import { formatBytes, formatPercent } from '../../../src/charts/format.ts';
import { paletteOf } from '../../../src/charts/palette.ts';
import { NAMES, type SizePoint, sizeCurveChart } from '../../../src/charts/size-curve-chart.ts';
import type { Criterion } from '../../../src/core/policy/allocate-ranks.ts';
import { CRITERIA } from '../preview/target-form.ts';
import { scheme } from '../state/scheme.ts';
import { Chart } from './chart.tsx';
import { ChartTable } from './chart-table.tsx';
import { CurveHandle, distanceTo, nearestPoint } from './curve-handle.tsx';
import { SelectField } from './field.tsx';
import { GoalFields } from './goal-fields.tsx';
import { Panel } from './panel.tsx';

/** A line of the curve and the position of its handle. */
export interface CurveLine {
  readonly points: readonly SizePoint[];
  readonly at: number;
  readonly place: SizePoint;
  readonly onAt: (at: number) => void;
  /** Chooses the ranks with the smallest error within a size in bytes. */
  readonly onWithin: (bytes: number) => void;
  /** Whether these are the ranks chosen. */
  readonly isWithin: (bytes: number) => boolean;
}

interface SizeCurveProps {
  readonly uniform: CurveLine;
  readonly byModule: CurveLine;
  /** The line of the current choice; null if it is on neither line. */
  readonly chosen: 'uniform' | 'byModule' | null;
  /** The index of the recommended rank among the points of the line with one rank for all modules. */
  readonly recommended: number;
  readonly criterion: Criterion;
  readonly onCriterion: (criterion: Criterion) => void;
  /** The reason why the server refuses a separate rank for each module; null if it does not. */
  readonly refusal: string | null;
}

const WHAT: Readonly<Record<Criterion, string>> = {
  relative: 'mean module error',
  energy: 'error of the whole adapter',
};

/** A click further than this from both lines selects neither. */
const REACH_PX = 40;

/**
 * Error against size, for one rank for all modules and for ranks by module. A handle on one of the two
 * lines marks the choice.
 */
export function SizeCurve(props: SizeCurveProps) {
  const { uniform, byModule, chosen, recommended, criterion, refusal } = props;
  const palette = paletteOf(scheme.value);
  const option = useMemo(
    () =>
      sizeCurveChart({
        palette,
        uniform: uniform.points,
        byModule: byModule.points,
        what: WHAT[criterion],
        recommended,
      }),
    [palette, uniform.points, byModule.points, criterion, recommended],
  );
  const lines = { uniform, byModule };
  const shown = (refusal === null ? ['uniform', 'byModule'] : ['uniform']) as ('uniform' | 'byModule')[];

  function onClick(chart: ECharts, x: number, y: number): void {
    const near = shown
      .map((line) => {
        const at = nearestPoint(chart, lines[line].points, x);
        return { line, at, distance: distanceTo(chart, lines[line].points[at]!, x, y) };
      })
      .sort((one, other) => one.distance - other.distance)[0]!;
    if (near.distance <= REACH_PX) lines[near.line].onAt(near.at);
  }
  const overlay = (chart: ECharts) =>
    shown.map((line) => (
      <CurveHandle
        key={line}
        chart={chart}
        label={`Size on the curve, ${NAMES[line]}`}
        shape={line === 'uniform' ? 'circle' : 'diamond'}
        points={lines[line].points}
        at={lines[line].at}
        place={lines[line].place}
        words={describePoint(lines[line].place)}
        isChosen={chosen === line}
        onAt={lines[line].onAt}
      />
    ));
  return (
    <Panel
      title="Error against size"
      class="curve"
      note={
        refusal ?? `The least possible error at every size. Drag a handle, or click a line. ${handles(props)}`
      }
      actions={
        <SelectField<Criterion>
          label="Minimise"
          value={criterion}
          options={Object.entries(CRITERIA) as [Criterion, string][]}
          onValue={props.onCriterion}
        />
      }
    >
      <Chart
        option={option}
        height={340}
        label={`The ${WHAT[criterion]} against the size of the factors: one rank for all from rank 1 to ${uniform.points.length}, and ranks by module. Recommended: ${describePoint(uniform.points[recommended]!)}.`}
        overlay={overlay}
        onClick={onClick}
      >
        {chosen && (
          <GoalFields key={chosen} name={NAMES[chosen]} line={lines[chosen]} what={WHAT[criterion]} />
        )}
        <ChartTable
          caption="Error at each size"
          head={['One rank for all', 'Size', 'Error', 'Ranks by module within that size', 'Error']}
          rows={() => rowsOf(uniform.points, byModule.points)}
        />
      </Chart>
    </Panel>
  );
}

/** What the handles mark; a handle on the recommended rank covers the diamond there. */
function handles({ uniform, chosen, recommended }: SizeCurveProps): string {
  const rank = 'the recommended rank for all modules';
  if (chosen === null) return `The green diamond marks ${rank}.`;
  if (chosen === 'byModule' && uniform.at === recommended)
    return `The grey handle is at the same size on the other line, which is ${rank}.`;
  const other = 'The grey handle is at the same size on the other line.';
  return uniform.at === recommended
    ? `The blue handle is at ${rank}. ${other}`
    : `The green diamond marks ${rank}. ${other}`;
}

export const describePoint = ({ words, bytes, error }: SizePoint): string =>
  `${words}, ${formatBytes(bytes)}, error ${formatPercent(error)}`;

/** Each uniform rank, next to the ranks by module of the same or the next smaller size. */
const rowsOf = (uniform: readonly SizePoint[], byModule: readonly SizePoint[]) =>
  uniform.map(({ words, bytes, error }) => {
    const other = byModule.findLast((point) => point.bytes <= bytes * (1 + 1e-9));
    return [
      words,
      formatBytes(bytes),
      formatPercent(error),
      other?.words ?? '–',
      other ? formatPercent(other.error) : '–',
    ];
  });
