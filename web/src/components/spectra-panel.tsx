import { useMemo } from 'preact/hooks';
import { truncateStart } from '../../../src/charts/format.ts';
import { paletteOf } from '../../../src/charts/palette.ts';
import { spectraChart, spectraLines } from '../../../src/charts/spectra-chart.ts';
import type { ModuleSpectrum } from '../../../src/contract/report.ts';
import { scheme } from '../state/scheme.ts';
import { Chart } from './chart.tsx';
import { ChartTable } from './chart-table.tsx';
import { Panel } from './panel.tsx';

interface SpectraPanelProps {
  readonly modules: readonly ModuleSpectrum[];
  /** The name of the module to highlight. */
  readonly picked: string | undefined;
  /** A rank to mark. */
  readonly rank: number | undefined;
  readonly height: number;
}

/** The singular values of all modules; those of the picked module are highlighted. */
export function SpectraPanel({ modules, picked, rank, height }: SpectraPanelProps) {
  const palette = paletteOf(scheme.value);
  const lines = useMemo(() => spectraLines(modules), [modules]);
  const option = useMemo(
    () =>
      spectraChart({
        palette,
        lines,
        ...(picked !== undefined && { selected: picked }),
        ...(rank !== undefined && { rank }),
      }),
    [palette, lines, picked, rank],
  );
  return (
    <Panel
      title="Singular values"
      class="spectra"
      note={
        picked === undefined
          ? 'Each thin line is a module. Pick one in the table or the map to see it.'
          : `Picked: ${truncateStart(picked, 60)}`
      }
    >
      <Chart
        option={option}
        height={height}
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
  );
}
