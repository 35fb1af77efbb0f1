import { useMemo } from 'preact/hooks';
import { comparisonChart } from '../../../src/charts/comparison-chart.ts';
import { formatBytes, formatPercent } from '../../../src/charts/format.ts';
import { paletteOf } from '../../../src/charts/palette.ts';
import { sizeChart } from '../../../src/charts/size-chart.ts';
import type { SucceededResult } from '../../../src/contract/job.ts';
import type { ModuleResult } from '../../../src/contract/report.ts';
import { scheme } from '../state/scheme.ts';
import { rankRange } from '../text/describe-target.ts';
import { Chart } from './chart.tsx';
import { ModuleName, placesInTable } from './module-name.tsx';
import { Panel } from './panel.tsx';
import { type Column, VirtualTable } from './virtual-table.tsx';

interface Compared {
  readonly label: string;
  readonly result: SucceededResult;
  readonly modules: readonly ModuleResult[];
}

interface Row {
  readonly name: string;
  /** The name of the module without the parts that all modules share. */
  readonly shown: string;
  readonly first: number;
  readonly second: number;
  readonly firstRank: number;
  readonly secondRank: number;
}

/** A comparison of two results: totals, sizes, and the errors of the modules that both have. */
export function ComparedResults({ first, second }: { first: Compared; second: Compared }) {
  const palette = paletteOf(scheme.value);
  const rows = useMemo(() => common(first, second), [first, second]);
  const labels: [string, string] =
    first.label === second.label
      ? [`${first.label} (first)`, `${second.label} (second)`]
      : [first.label, second.label];
  const dots = useMemo(() => comparisonChart({ palette, modules: rows, labels }), [palette, rows]);
  const sizes = useMemo(
    () =>
      sizeChart({
        palette,
        files: [first, second].map(({ result: { bytes, size } }, index) => ({
          label: labels[index]!,
          bytes,
          ...(size && { parts: size }),
        })),
      }),
    [palette, first, second],
  );
  const closer = rows.filter((row) => row.second < row.first).length;
  return (
    <div class="report">
      <Panel title="Totals">
        <table class="rows">
          <thead>
            <tr>
              <th scope="col">Of the written file</th>
              <th scope="col" class="number">
                {labels[0]}
              </th>
              <th scope="col" class="number">
                {labels[1]}
              </th>
            </tr>
          </thead>
          <tbody>
            {totals(first.result, second.result).map(([name, one, other]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td class="number">{one}</td>
                <td class="number">{other}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Panel>
      <Panel title="Sizes">
        <Chart
          option={sizes}
          height={180}
          label={`${labels[0]}: ${formatBytes(first.result.bytes)}; ${labels[1]}: ${formatBytes(second.result.bytes)}`}
        />
      </Panel>
      {rows.length === 0 ? (
        <Panel title="Modules" class="wide">
          <p>The two have no module in common.</p>
        </Panel>
      ) : (
        <>
          <Panel
            title="Error by module"
            class="wide"
            note="Below the dashed line the second is closer to the source, above it the first."
          >
            <Chart
              option={dots}
              height={400}
              label={`Errors of ${rows.length} modules in both results; in ${closer} the second is closer.`}
            />
          </Panel>
          <Panel
            title="Side by side"
            class="modules"
            note={`Errors. First: ${first.label}. Second: ${second.label}.`}
          >
            <VirtualTable label="Modules of both" rows={rows} columns={COLUMNS} keyOf={({ name }) => name} />
          </Panel>
        </>
      )}
    </div>
  );
}

function common(first: Compared, second: Compared): Row[] {
  const others = new Map(second.modules.map((module) => [module.name, module]));
  const places = placesInTable(first.modules);
  return first.modules.flatMap(({ name, rank, relative_error: error }, index) => {
    const other = others.get(name);
    const { layerLabel, projection } = places[index]!;
    const shown = `${layerLabel} ${projection}`.trim();
    return other
      ? [{ name, shown, first: error, second: other.relative_error, firstRank: rank, secondRank: other.rank }]
      : [];
  });
}

const totals = (first: SucceededResult, second: SucceededResult): [string, string, string][] => {
  const row = (name: string, of: (result: SucceededResult) => string): [string, string, string] => [
    name,
    of(first),
    of(second),
  ];
  return [
    row('Mean module error', ({ module_relative_error: error }) =>
      error === undefined ? '–' : formatPercent(error),
    ),
    row('Relative error', ({ relative_error: error }) => formatPercent(error)),
    row('Energy kept', ({ energy_retained: energy }) => formatPercent(energy)),
    row('Worst module', ({ worst_module: worst }) => (worst ? formatPercent(worst.relative_error) : '–')),
    row('Rank', ({ rank }) => rankRange(rank)),
    row('Size', ({ bytes }) => formatBytes(bytes)),
    row('Parameters', ({ parameters }) => parameters.toLocaleString('en')),
  ];
};

/** The chart of errors is narrower on a narrow page. */
const ERROR_WIDTH = 'clamp(4.9rem, 12vw, 8.5rem)';

const COLUMNS: readonly Column<Row>[] = [
  {
    title: 'Module',
    by: ({ name }) => name,
    cell: ({ name, shown }) => <ModuleName name={name} shown={shown} />,
  },
  {
    title: 'First',
    by: (row) => row.first,
    cell: (row) => formatPercent(row.first),
    width: ERROR_WIDTH,
    isNumber: true,
  },
  {
    title: 'Second',
    by: (row) => row.second,
    cell: (row) => formatPercent(row.second),
    width: ERROR_WIDTH,
    isNumber: true,
  },
  {
    title: 'Ranks',
    by: (row) => row.secondRank - row.firstRank,
    cell: (row) => `${row.firstRank}, ${row.secondRank}`,
    width: '6rem',
    isNumber: true,
    isExtra: true,
  },
];
