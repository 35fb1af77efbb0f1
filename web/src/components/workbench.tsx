import { useCallback, useMemo, useState } from 'preact/hooks';
import { heatMapHeight, layerHeatMap } from '../../../src/charts/layer-heat-map.ts';
import { paletteOf } from '../../../src/charts/palette.ts';
import { curveOfSpectra, rankCurveChart } from '../../../src/charts/rank-curve-chart.ts';
import { spectraChart, spectraLines } from '../../../src/charts/spectra-chart.ts';
import { percent, shortened } from '../../../src/charts/words.ts';
import type { FormatRecord } from '../../../src/contract/format.ts';
import type { ServingProfile } from '../../../src/contract/serving.ts';
import { DEFAULT_CRITERION } from '../../../src/contract/target.ts';
import { chooseRanks } from '../preview/choose-ranks.ts';
import { type Analyzed, errorAt, previewOf } from '../preview/preview.ts';
import { largestRank, nearestChoice, rankChoices } from '../preview/rank-choices.ts';
import { type TargetForm, targetOf } from '../preview/target-form.ts';
import { scheme } from '../state/scheme.ts';
import { Chart } from './chart.tsx';
import { ChartTable } from './chart-table.tsx';
import { briefNames, shortNames } from './module-name.tsx';
import { type ModuleRow, ModuleTable } from './module-table.tsx';
import { Panel } from './panel.tsx';
import { SqueezePanel } from './squeeze-panel.tsx';

/** Beside a high map. */
const MAX_SPECTRA_PX = 480;

interface WorkbenchProps {
  readonly adapterId: string;
  readonly analyzed: Analyzed;
  readonly profiles: readonly ServingProfile[];
  readonly formats: readonly FormatRecord[];
}

/** An analysed adapter: where its energy is, what each rank would lose, and the choice between them. */
export function Workbench({ adapterId, analyzed, profiles, formats }: WorkbenchProps) {
  const { modules, analysis } = analyzed;
  const { curve, uniform } = analysis;
  const [raw, setForm] = useState<TargetForm>(() => firstForm(analyzed));
  const [selected, setSelected] = useState<string>();
  const profile = profiles.find(({ name }) => name === raw.profile) ?? null;
  const choices = useMemo(() => rankChoices(curve.length, profile), [curve, profile]);
  const form = { ...raw, rank: nearestChoice(choices, raw.rank) };
  const target = targetOf(form, profile);
  const asked = JSON.stringify(target);
  const { ranks, objection } = useMemo(() => chosen(), [asked, profile, analyzed]);
  const preview = useMemo(() => ranks && previewOf(analyzed, ranks), [ranks, analyzed]);
  const palette = paletteOf(scheme.value);
  const shownRank = preview?.rank.max;
  const onChange = useCallback(
    (change: Partial<TargetForm>) => setForm((before) => ({ ...before, ...change })),
    [],
  );
  const toSelect = useCallback((name: string) => setSelected(name), []);

  function chosen(): { ranks: number[] | null; objection: string | null } {
    try {
      return { ranks: chooseRanks(target, profile, analyzed), objection: null };
    } catch (error) {
      return { ranks: null, objection: (error as Error).message };
    }
  }
  const names = useMemo(() => ({ short: shortNames(modules), brief: briefNames(modules) }), [modules]);
  const rows = useMemo(() => rowsOf(analyzed, names, ranks), [analyzed, names, ranks]);
  const recommendedRank = uniform.rank.max;
  const errors = useMemo(() => curveOfSpectra(modules), [modules]);
  const curveOption = useMemo(
    () =>
      rankCurveChart({
        palette,
        curve: errors,
        recommended: recommendedRank,
        ...(shownRank !== undefined && { rank: shownRank }),
      }),
    [palette, errors, shownRank],
  );
  const lines = useMemo(() => spectraLines(modules), [modules]);
  const spectraOption = useMemo(
    () =>
      spectraChart({
        palette,
        lines,
        ...(selected !== undefined && { selected }),
        ...(shownRank !== undefined && { rank: shownRank }),
      }),
    [palette, lines, selected, shownRank],
  );
  return (
    <div class="workbench">
      <Panel
        title="What each rank loses"
        class="curve"
        note="The least possible error of the update at every rank. The diamond is the recommendation."
      >
        <Chart
          option={curveOption}
          height={340}
          label={`Error and kept energy at ranks 1 to ${curve.length}. Recommended: rank ${recommendedRank}, mean module error ${percent(errors[recommendedRank - 1]!.module_relative_error)}.`}
        >
          <ChartTable
            caption="Error at each rank"
            head={['Rank', 'Mean module error', 'Whole adapter', 'Worst module', 'Bytes']}
            rows={() =>
              curve.map((point, index) => [
                point.rank,
                percent(errors[index]!.module_relative_error),
                percent(point.relative_error),
                percent(point.worst_module_error),
                point.bytes.toLocaleString('en'),
              ])
            }
          />
        </Chart>
      </Panel>
      <SqueezePanel
        adapterId={adapterId}
        form={form}
        target={target}
        choices={choices}
        profiles={profiles.filter((one) => (largestRank(one) ?? 1) >= 1)}
        profile={profile}
        formats={formats}
        recommended={{ rank: recommendedRank, reason: uniform.reason }}
        preview={preview}
        sourceBytes={curve.at(-1)!.bytes}
        objection={objection}
        onChange={onChange}
      />
      <EnergyPanel rows={rows} />
      <Panel
        title="Singular values"
        class="spectra"
        note={
          selected === undefined
            ? 'Each thin line is a module. Pick one in the table to see it.'
            : `Picked: ${shortened(selected, 60)}`
        }
      >
        <Chart
          option={spectraOption}
          height={Math.min(MAX_SPECTRA_PX, heatMapHeight(modules))}
          label={`Singular values of ${modules.length} modules on a logarithmic scale.`}
        >
          <ChartTable
            caption="Singular values"
            head={['Module', 'Singular values']}
            rows={() =>
              modules.map(({ name, singular_values: sigma }) => [
                name,
                sigma.map((value) => value.toPrecision(3)).join(', '),
              ])
            }
          />
        </Chart>
      </Panel>
      <ModuleTable
        rows={rows}
        note="Used: how many directions really carry the update. New and Error: what the choice above would do."
        selected={selected}
        onSelect={toSelect}
      />
    </div>
  );
}

/** The map of the layers: of energy, or of what the choice would lose. */
function EnergyPanel({ rows }: { rows: readonly ModuleRow[] }) {
  const [isError, setError] = useState(false);
  const palette = paletteOf(scheme.value);
  const what = isError ? 'error' : 'energy';
  const option = useMemo(
    () =>
      layerHeatMap({
        palette,
        what,
        modules: rows.map(({ name, share = 0, error = 0 }) => ({ name, value: isError ? error : share })),
      }),
    [palette, rows, isError],
  );
  return (
    <Panel
      title={isError ? 'Where the error would be' : 'Where the energy is'}
      class="map"
      actions={
        <button type="button" aria-pressed={isError} onClick={() => setError(!isError)}>
          Show error
        </button>
      }
    >
      <Chart
        option={option}
        height={heatMapHeight(rows)}
        label={`The ${what} of every module, by layer and projection.`}
      >
        <ChartTable
          caption={isError ? 'Error by module' : 'Energy by module'}
          head={['Module', 'Share of the energy', 'Error']}
          rows={() => rows.map(({ name, share = 0, error = 0 }) => [name, percent(share), percent(error)])}
        />
      </Chart>
    </Panel>
  );
}

function rowsOf(
  { modules, analysis }: Analyzed,
  names: { readonly short: readonly string[]; readonly brief: readonly string[] },
  ranks: readonly number[] | null,
): ModuleRow[] {
  const energy = modules.reduce((sum, module) => sum + module.energy, 0) || 1;
  return modules.map((module, index) => ({
    name: module.name,
    short: names.short[index]!,
    brief: names.brief[index]!,
    shape: module.shape,
    rank: module.rank,
    share: module.energy / energy,
    effectiveRank: analysis.modules[index]!.effective_rank,
    ...(ranks && { newRank: ranks[index]!, error: errorAt(module, ranks[index]!) }),
    verdict: analysis.modules[index]!.verdict,
  }));
}

function firstForm({ analysis }: Analyzed): TargetForm {
  return {
    policy: 'rank',
    rank: analysis.uniform.rank.max,
    energy: 90,
    tolerance: 30,
    budget: Math.round(analysis.uniform.bytes / 1e3) / 1e3,
    cumulative: 80,
    ratio: 10,
    isUniform: true,
    criterion: DEFAULT_CRITERION,
    profile: '',
    format: '',
    dtype: '',
    scale: 'fold',
    isExact: false,
  };
}
