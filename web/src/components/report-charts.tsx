import { useCallback, useMemo, useState } from 'preact/hooks';
import { comparedModules, pairOf } from '../../../src/charts/difference-map.ts';
import { formatBytes, formatPercent } from '../../../src/charts/format.ts';
import { paletteOf } from '../../../src/charts/palette.ts';
import { curveOfSpectra, rankCurveChart, resultPoint } from '../../../src/charts/rank-curve-chart.ts';
import { sizeChart } from '../../../src/charts/size-chart.ts';
import type { AdapterRecord } from '../../../src/contract/adapter.ts';
import type { SucceededResult } from '../../../src/contract/job.ts';
import type { Report, SucceededTargetReport } from '../../../src/contract/report.ts';
import { scheme } from '../state/scheme.ts';
import { describeTarget } from '../text/describe-target.ts';
import { Chart } from './chart.tsx';
import { ChartTable } from './chart-table.tsx';
import { DifferencePanel } from './difference-panel.tsx';
import { ErrorMap } from './error-map.tsx';
import { SelectField } from './field.tsx';
import { placesInTable } from './module-name.tsx';
import { ModuleTable } from './module-table.tsx';
import { Panel } from './panel.tsx';

interface ReportChartsProps {
  readonly report: Report;
  /** The targets that succeeded, at least one; `results` belong to the same targets. */
  readonly targets: readonly SucceededTargetReport[];
  readonly results: readonly SucceededResult[];
  readonly source: AdapterRecord | null;
}

/** Charts of the data in a job's report. */
export function ReportCharts({ report, targets, results, source }: ReportChartsProps) {
  const [chosen, setChosen] = useState('0');
  const [picked, setPicked] = useState<number>();
  const palette = paletteOf(scheme.value);
  const { modules, notes } = report;
  const target = targets[Number(chosen)] ?? targets[0]!;
  const curve = useMemo(() => curveOfSpectra(modules), [modules]);
  const files = useMemo(() => {
    const weights = source?.files.find(({ name }) => /\.(safetensors|gguf)$/.test(name));
    return [
      ...(source && weights ? [sized('before', weights.bytes, source.size)] : []),
      ...results.map((result) => sized(describeTarget(result.target), result.bytes, result.size)),
    ];
  }, [source, results]);
  const points = useMemo(
    () => results.map((result, index) => resultPoint(result, targets[index]!, modules)),
    [results, targets, modules],
  );
  const curveOption = useMemo(
    () => rankCurveChart({ palette, curve, results: points }),
    [palette, curve, points],
  );
  const sizeOption = useMemo(() => sizeChart({ palette, files }), [palette, files]);
  const maximum = useMemo(() => largestError(targets), [targets]);
  const rows = useMemo(() => {
    const spectra = new Map(modules.map((module) => [module.name, module]));
    const places = placesInTable(target.modules);
    return target.modules.map(
      ({ name, rank, relative_error: error, optimal_error: optimalError }, index) => ({
        ...places[index]!,
        index,
        name,
        shape: spectra.get(name)?.shape ?? ([0, 0] as [number, number]),
        rank: spectra.get(name)?.rank ?? rank,
        newRank: rank,
        error,
        optimalError,
      }),
    );
  }, [modules, target]);
  const onPick = useCallback(({ index }: { readonly index: number }) => setPicked(index), []);
  return (
    <div class="report">
      <Panel
        title="Before and after"
        note="Files of weights; tensors that are not LoRA factors are carried over unchanged."
      >
        <Chart
          option={sizeOption}
          height={Math.max(300, 60 + 44 * files.length)}
          label={files.map(({ label, bytes }) => `${label}: ${formatBytes(bytes)}`).join('; ')}
        />
      </Panel>
      <Panel
        title="Error at each rank"
        note={`Lines: the least possible, from the spectra. Dots: what was written${points.some(({ isMean }) => isMean) ? '. A result with ranks by module is placed at the rank at which one rank for all would have the same size' : ''}.`}
      >
        <Chart
          option={curveOption}
          label={`Least error at ranks 1 to ${curve.length}; results: ${points.map(({ rank, isMean, error }) => `${isMean ? 'mean rank' : 'rank'} ${rank}, error ${formatPercent(error)}`).join('; ')}.`}
        >
          <ChartTable
            caption="Error at each rank"
            head={['Rank', 'Mean module error', 'Whole adapter', 'Worst module']}
            rows={() =>
              curve.map((point) => [
                point.rank,
                formatPercent(point.module_relative_error),
                formatPercent(point.relative_error),
                formatPercent(point.worst_module_error),
              ])
            }
          />
        </Chart>
      </Panel>
      <ErrorMap
        target={target}
        // One scale for all results, so that their maps can be compared.
        maximum={maximum}
        class="wide"
        picked={picked}
        onPick={setPicked}
        actions={
          targets.length > 1 && (
            <SelectField
              label="Result"
              value={chosen}
              options={targets.map((one, index): [string, string] => [
                String(index),
                describeTarget(one.target),
              ])}
              onValue={setChosen}
            />
          )
        }
      />
      {targets.length > 1 && <Differences targets={targets} onPick={setPicked} />}
      <ModuleTable
        rows={rows}
        picked={picked}
        onPick={onPick}
        note="Error: measured on the written factors, after rounding. Least: what any matrix of this rank could have."
      />
      {notes.length > 0 && (
        <Panel title="Limits of these numbers" class="wide">
          <ul class="plain">
            {notes.map((note) => (
              <li key={note}>{note}</li>
            ))}
          </ul>
        </Panel>
      )}
    </div>
  );
}

interface DifferencesProps {
  /** At least two. */
  readonly targets: readonly SucceededTargetReport[];
  readonly onPick: (module: number) => void;
}

/** Two results of the job against each other. */
function Differences({ targets, onPick }: DifferencesProps) {
  const [chosen, setChosen] = useState<readonly [number, number]>([0, 1]);
  const choices = targets.map(({ target }) => describeTarget(target));
  const [first, second] = chosen;
  const modules = useMemo(
    () => comparedModules(targets[first]!.modules, targets[second]!.modules),
    [targets, first, second],
  );
  return (
    <DifferencePanel
      modules={modules}
      labels={pairOf(choices[first]!, choices[second]!)}
      choices={choices}
      chosen={chosen}
      onChosen={setChosen}
      onPick={onPick}
    />
  );
}

const sized = (label: string, bytes: number, parts: AdapterRecord['size']) => ({
  label,
  bytes,
  ...(parts && { parts }),
});

const largestError = (targets: readonly SucceededTargetReport[]): number =>
  targets
    .flatMap(({ modules }) => modules)
    .reduce((largest, { relative_error: error }) => Math.max(largest, error), 0);
