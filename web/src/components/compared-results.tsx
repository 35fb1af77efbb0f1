import { useMemo } from 'preact/hooks';
import { comparisonChart } from '../../../src/charts/comparison-chart.ts';
import {
  type ComparedModule,
  comparedModules,
  type LabelPair,
  pairOf,
} from '../../../src/charts/difference-map.ts';
import { formatBytes, formatPercent } from '../../../src/charts/format.ts';
import { paletteOf } from '../../../src/charts/palette.ts';
import { sizeChart } from '../../../src/charts/size-chart.ts';
import type { SucceededResult } from '../../../src/contract/job.ts';
import type { ModuleResult } from '../../../src/contract/report.ts';
import { scheme } from '../state/scheme.ts';
import { compareResults, signedPoints, signedShare } from '../text/compare-results.ts';
import { rankRange } from '../text/describe-target.ts';
import { Chart } from './chart.tsx';
import { DifferencePanel } from './difference-panel.tsx';
import { ModuleName, placesInTable } from './module-name.tsx';
import { Panel } from './panel.tsx';
import { type Column, VirtualTable } from './virtual-table.tsx';

interface OneResult {
  readonly label: string;
  readonly result: SucceededResult;
  readonly modules: readonly ModuleResult[];
  /** The adapters that were squeezed or merged. */
  readonly sourceIds: readonly string[];
}

interface Row extends ComparedModule {
  /** The name of the module without the parts that all modules share. */
  readonly shown: string;
}

/** In a map, the names of adapters would be too long. */
const SIDES: LabelPair = ['the first', 'the second'];

/** A comparison of two results: totals, sizes, and the errors of the modules that both have. */
export function ComparedResults({ first, second }: { first: OneResult; second: OneResult }) {
  const palette = paletteOf(scheme.value);
  const rows = useMemo(() => common(first, second), [first, second]);
  const labels = pairOf(first.label, second.label);
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
      <Panel title="Which is better" class="wide">
        {String(first.sourceIds) !== String(second.sourceIds) && (
          <p class="problem">
            The two results are of different adapters. Each error is the distance to the result’s own source,
            so a smaller one does not make a result the better choice.
          </p>
        )}
        <p>{compareResults(first.result, second.result, rows)}</p>
      </Panel>
      <Panel title="Totals">
        <table class="rows totals">
          <thead>
            <tr>
              <th scope="col">Value</th>
              <th scope="col" class="number">
                {labels[0]}
              </th>
              <th scope="col" class="number">
                {labels[1]}
              </th>
              <th scope="col" class="number extra">
                Second against first
              </th>
            </tr>
          </thead>
          <tbody>
            {totals(first.result, second.result).map(([name, one, other, difference]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td class="number">{one}</td>
                <td class="number">{other}</td>
                <td class="number extra">{difference}</td>
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
          <p>
            The two results have no module in common, so their errors cannot be compared module by module. The
            first has {first.modules.length.toLocaleString('en')} modules, such as{' '}
            <code>{first.modules[0]?.name}</code>, the second {second.modules.length.toLocaleString('en')},
            such as <code>{second.modules[0]?.name}</code>.
          </p>
        </Panel>
      ) : (
        <>
          <DifferencePanel modules={rows} labels={SIDES} />
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
            note={`Errors. First: ${first.label}. Second: ${second.label}.${onlyInOne(rows.length, first, second)}`}
          >
            <VirtualTable label="Modules of both" rows={rows} columns={COLUMNS} keyOf={({ name }) => name} />
          </Panel>
        </>
      )}
    </div>
  );
}

function common(first: OneResult, second: OneResult): Row[] {
  const modules = comparedModules(first.modules, second.modules);
  const places = placesInTable(modules);
  return modules.map((module, index) => {
    const { layerLabel, projection } = places[index]!;
    return { ...module, shown: `${layerLabel} ${projection}`.trim() };
  });
}

/** A sentence about modules that only one of the results has, if there are any. */
function onlyInOne(both: number, first: OneResult, second: OneResult): string {
  const [inFirst, inSecond] = [first, second].map(({ modules }) =>
    (modules.length - both).toLocaleString('en'),
  );
  return inFirst === '0' && inSecond === '0'
    ? ''
    : ` Not compared: ${inFirst} modules that only the first has, ${inSecond} that only the second has.`;
}

type Total = readonly [name: string, first: string, second: string, difference: string];

function totals(first: SucceededResult, second: SucceededResult): Total[] {
  const share = (name: string, of: (result: SucceededResult) => number | undefined): Total => {
    const [one, other] = [of(first), of(second)];
    const [shown, shownOther] = [one, other].map((value) =>
      value === undefined ? '–' : formatPercent(value),
    );
    return [
      name,
      shown!,
      shownOther!,
      one === undefined || other === undefined ? '' : signedPoints(other - one),
    ];
  };
  const amount = (
    name: string,
    of: (result: SucceededResult) => number,
    inWords: (value: number) => string,
  ): Total => [name, inWords(of(first)), inWords(of(second)), signedShare(of(first), of(second))];
  const [ranks, ranksOther] = [rankRange(first.rank), rankRange(second.rank)];
  return [
    share('Mean module error', ({ module_relative_error: error }) => error),
    share('Error of the whole adapter', ({ relative_error: error }) => error),
    share('Energy kept', ({ energy_retained: energy }) => energy),
    share('Worst module', ({ worst_module: worst }) => worst?.relative_error),
    ['Rank', ranks, ranksOther, ranks === ranksOther ? 'the same' : ''],
    amount('Size', ({ bytes }) => bytes, formatBytes),
    amount(
      'Parameters',
      ({ parameters }) => parameters,
      (value) => value.toLocaleString('en'),
    ),
  ];
}

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
    title: 'Difference',
    by: (row) => row.second - row.first,
    cell: (row) => signedPoints(row.second - row.first),
    width: '9rem',
    isNumber: true,
    isExtra: true,
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
