import { useMemo, useState } from 'preact/hooks';
import {
  type Compared,
  type ComparedModule,
  describeDifference,
  describeDifferences,
  differenceMap,
  differences,
  type LabelPair,
} from '../../../src/charts/difference-map.ts';
import { formatPercent } from '../../../src/charts/format.ts';
import { ENDS_PX, type HeatCell, heatMapHeight } from '../../../src/charts/layer-heat-map.ts';
import { moduleGrid } from '../../../src/charts/module-grid.ts';
import { paletteOf } from '../../../src/charts/palette.ts';
import { scheme } from '../state/scheme.ts';
import { isWide } from '../state/width.ts';
import { Chart } from './chart.tsx';
import { ChartTable } from './chart-table.tsx';
import { SelectField } from './field.tsx';
import { Panel } from './panel.tsx';

interface DifferencePanelProps {
  /** At least one. */
  readonly modules: readonly ComparedModule[];
  readonly labels: LabelPair;
  /** The results to choose from, if there are more than two. */
  readonly choices?: readonly string[];
  /** The indices of the chosen results. */
  readonly chosen?: readonly [first: number, second: number];
  readonly onChosen?: (chosen: readonly [first: number, second: number]) => void;
  /** Called with the index of the module whose cell was clicked. */
  readonly onPick?: (module: number) => void;
}

const VIEWS = { error: 'Error', rank: 'Rank' } as const satisfies Record<Compared, string>;

/** A map of the layers that shows in which of two results each module has the lower error, or the lower rank. */
export function DifferencePanel(props: DifferencePanelProps) {
  const { modules, labels, choices = [], chosen = [0, 1], onChosen, onPick } = props;
  const [of, setOf] = useState<Compared>('error');
  const palette = paletteOf(scheme.value);
  const grid = useMemo(() => moduleGrid(modules.map(({ name }) => name)), [modules]);
  const option = useMemo(
    () => differenceMap({ palette, grid, modules, labels, of, isWide: isWide.value }),
    [palette, grid, modules, ...labels, of, isWide.value],
  );
  const choose = (label: string, side: 0 | 1) => (
    <SelectField
      label={label}
      value={String(chosen[side])}
      options={choices.flatMap((choice, index): [string, string][] =>
        index === chosen[1 - side] ? [] : [[String(index), choice]],
      )}
      onValue={(value) => onChosen?.(side === 0 ? [Number(value), chosen[1]] : [chosen[0], Number(value)])}
    />
  );
  return (
    <Panel
      title="Where the two differ"
      class="wide"
      note={`${describeDifferences(modules, labels, of)} ${of === 'error' ? 'One point is one percentage point.' : ''}`}
      actions={
        <fieldset class="switch">
          <legend class="unseen">What is compared</legend>
          {(Object.keys(VIEWS) as Compared[]).map((one) => (
            <button key={one} type="button" aria-pressed={of === one} onClick={() => setOf(one)}>
              {VIEWS[one]}
            </button>
          ))}
        </fieldset>
      }
    >
      {choices.length > 2 && (
        <div class="filters two">
          {choose('First result', 0)}
          {choose('Second result', 1)}
        </div>
      )}
      <Chart
        option={option}
        height={heatMapHeight(grid) + (isWide.value ? 0 : ENDS_PX)}
        label={`Difference of the ${of}s of two results, by ${grid.columnName} and projection. ${describeDifferences(modules, labels, of)}`}
        onPick={({ componentType, data }) => {
          if (componentType === 'series') onPick?.((data as unknown as HeatCell).index);
        }}
      >
        <ChartTable
          caption={`Difference of the ${of}s`}
          head={['Module', ...labels, 'Difference']}
          rows={() => {
            const values = differences(modules, of);
            return modules.map(({ name, first, second, firstRank, secondRank }, index) => [
              name,
              ...(of === 'error' ? [first, second].map(formatPercent) : [firstRank, secondRank]),
              describeDifference(values[index]!.value, labels, of),
            ]);
          }}
        />
      </Chart>
    </Panel>
  );
}
