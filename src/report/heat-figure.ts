import type { EChartsOption } from 'echarts';
import { layerHeatMap, type ModuleShare } from '../charts/layer-heat-map.ts';
import { targetsOf } from '../charts/succeeded.ts';
import type { Report } from '../contract/report.ts';
import type { Figure } from './figure.ts';
import { heatCells } from './heat-cells.ts';
import { percent } from './numbers.ts';
import type { ReportInput } from './report-input.ts';
import { shownText } from './shown-text.ts';
import { targetInWords } from './target-words.ts';

/** Cells beyond this many are plain rectangles without a border: rounded ones are three times as long to write. */
const MOST_ROUNDED = 600;

/** The relative error of every module by layer and projection, of one of the results. */
export function heatFigure({ report }: ReportInput, target = 0): Figure {
  const { what, modules } = sharesOf(report, target);
  const cells = heatCells(modules);
  const worst = modules.reduce<ModuleShare | undefined>(
    (most, module) => (most && most.value >= module.value ? most : module),
    undefined,
  );
  return {
    title: `Relative error by layer and projection: ${what}`,
    caption: [
      ...(worst ? [`The largest is ${percent(worst.value)}, of ${shownText(worst.name, 80)}.`] : []),
      ...(cells.note ? [cells.note] : []),
    ].join(' '),
    width: 1100,
    height: Math.min(760, Math.max(200, 24 * cells.rows + 90)),
    option: (style) =>
      adapted(
        layerHeatMap({ ...style, modules: cells.modules, what: 'relative error', isWide: true }),
        cells.modules.length,
      ),
  };
}

/** Of an analysis: what every module would lose at the rank it recommends for all. */
function sharesOf(report: Report, index: number): { what: string; modules: ModuleShare[] } {
  const { analysis, modules } = report;
  const target = targetsOf(report)[index];
  if (target)
    return {
      what: targetInWords(target.target),
      modules: target.modules.map(({ name, relative_error: value }) => ({ name, value })),
    };
  const rank = analysis?.uniform.rank.max ?? 1;
  return {
    what: `rank ${rank}${analysis ? ', recommended' : ''}`,
    modules: modules.map(({ name, energy_curve: curve }) => ({
      name,
      value: Math.sqrt(Math.max(0, 1 - (curve[rank - 1] ?? 1))),
    })),
  };
}

/** Shorter cells where there are many. */
function adapted(option: EChartsOption, cells: number): EChartsOption {
  if (cells <= MOST_ROUNDED) return option;
  const series = [option.series ?? []]
    .flat()
    .map((one) => ({ ...one, itemStyle: { borderWidth: 0, borderRadius: 0 } }));
  return { ...option, series } as EChartsOption;
}
