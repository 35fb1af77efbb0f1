import type { EChartsOption } from 'echarts';
import { spectraChart, spectraLines } from '../charts/spectra-chart.ts';
import { targetsOf } from '../charts/succeeded.ts';
import type { ModuleSpectrum } from '../contract/report.ts';
import type { Figure } from './draw.ts';
import type { ReportInput } from './report-input.ts';
import { moduleLosses } from './report-input.ts';
import { shownText } from './shown-text.ts';
import { unbrokenPercent } from './words.ts';

const MOST_MODULES = 3;
/** Thin lines in the background of one chart, besides the median and the module itself. */
const MOST_LINES = 12;
/** More points of a line than the chart is wide in pixels are thinned out. */
const MOST_POINTS = 400;

/** The spectra of the modules that lose most, each against the others. */
export function spectraFigures(input: ReportInput): Figure[] {
  const { report } = input;
  const modules = report.modules.map(({ name, singular_values }) => ({
    name: shownText(name, 240),
    singular_values,
  }));
  const lines = spectraLines(modules);
  const ranks = targetsOf(report)[0]?.modules;
  return moduleLosses(input)
    .slice(0, MOST_MODULES)
    .map(({ index, error }) => {
      const { name } = modules[index]!;
      const rank = ranks?.[index]?.rank ?? report.analysis?.modules[index]?.knee;
      return {
        title: shownText(name, 60),
        caption: captionOf(report.modules[index]!, error, rank, ranks !== undefined),
        width: 400,
        height: 280,
        option: (style) =>
          thinned(spectraChart({ ...style, lines, selected: name, ...(rank !== undefined && { rank }) })),
      };
    });
}

function captionOf(
  module: ModuleSpectrum,
  error: number,
  rank: number | undefined,
  isChosen: boolean,
): string {
  const marked =
    rank === undefined ? '' : ` Marked: rank ${rank}, ${isChosen ? 'chosen' : 'where it bends'}.`;
  return `Singular values: this module orange, the median of all blue, others grey. Of rank ${module.rank}. Relative error ${unbrokenPercent(error)}.${marked}`;
}

/** With fewer lines in the background; the last two stand out and stay. */
function thinned(option: EChartsOption): EChartsOption {
  const series = [option.series ?? []].flat();
  const background = series.slice(0, -2);
  const every = Math.max(1, Math.ceil(background.length / MOST_LINES));
  const kept = [...background.filter((_, index) => index % every === 0), ...series.slice(-2)].map((one) =>
    (one.data as readonly unknown[]).length > MOST_POINTS ? { ...one, sampling: 'lttb' } : one,
  );
  // The name of the module is the title, and one of the thin lines has it as well.
  return { ...option, legend: { show: false }, series: kept as NonNullable<EChartsOption['series']> };
}
