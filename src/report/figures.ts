import type { EChartsOption } from 'echarts';
import { headPx } from '../charts/chart-base.ts';
import { formatBytes, formatPercent } from '../charts/format.ts';
import { paletteOf } from '../charts/palette.ts';
import { curveOfSpectra, rankCurveChart, resultPoint } from '../charts/rank-curve-chart.ts';
import { type SizedFile, sizeChart } from '../charts/size-chart.ts';
import { spectraChart, spectraLines } from '../charts/spectra-chart.ts';
import { succeededResults, succeededTargets } from '../charts/succeeded-targets.ts';
import type { ModuleSpectrum } from '../contract/report.ts';
import { describeTarget } from './describe-target.ts';
import { displayText } from './display-text.ts';
import { draw, type Figure } from './draw.ts';
import { differenceFigure, heatFigure } from './heat-figure.ts';
import { escapeHtml } from './html.ts';
import { adapterOf, type FigureName, moduleLosses, type ReportInput } from './report-input.ts';

/** Width of a figure on its own, in pixels. */
const FIGURE_WIDTH = 1200;
/** A chart with more bars would be hard to read. */
const MAX_SOURCES = 8;

/** Adapters that are named below the title of a figure. */
const MAX_NAMED = 2;

/** Modules whose spectra are shown. */
const MAX_MODULES = 3;
/** Thin lines in the background of one chart, besides the median and the module itself. */
const MAX_LINES = 12;
/** More points of a line than the chart is wide in pixels are thinned out. */
const MAX_POINTS = 400;

/** Figures that can be requested separately. */
const MAKERS: Readonly<Record<FigureName, (input: ReportInput) => Figure>> = {
  'error-by-rank': errorFigure,
  heatmap: (input) => heatFigure(input),
  difference: (input) => differenceFigure(input),
  sizes: sizeFigure,
};

/** One figure with its title, as an SVG document on white ground. */
export function standaloneFigure(input: ReportInput, name: FigureName): string {
  const { title, caption, width, height, option } = MAKERS[name](input);
  const head = { title, subtitle: provenance(input) };
  const size = { width, height: height + headPx(head) };
  const svg = draw(option({ palette: paletteOf('light'), ...head }), { ...size, id: 'figure' });
  const scale = FIGURE_WIDTH / size.width;
  // The height is rounded to whole pixels, so the background is fitted separately; otherwise it would miss an edge.
  return svg.replace(
    /^<svg ([^>]*?)width="\d+" height="\d+"([^>]*)>/,
    `<svg $1width="${FIGURE_WIDTH}" height="${Math.round(size.height * scale)}"$2 preserveAspectRatio="none" role="img">` +
      `<title>${escapeHtml(title)}</title><desc>${escapeHtml(caption)}</desc>`,
  );
}

/** The source of a figure and the version that drew it, for readers who see the figure without its report. */
function provenance(input: ReportInput): string {
  const { sources, product } = input.report;
  const named = sources.slice(0, MAX_NAMED).map(({ id, base_model: base }) => {
    const name = displayText(adapterOf(input, id)?.name ?? id, 60);
    return base === null || base === name ? name : `${name} on ${displayText(base, 60)}`;
  });
  const more = sources.length > MAX_NAMED ? [`${sources.length - MAX_NAMED} more`] : [];
  return [...named, ...more, `${product.name} ${product.version}`].join(' · ');
}

/** The error at every rank, with the ranks that were chosen; for an analysis, with the one that it recommends. */
export function errorFigure({ report, job }: ReportInput): Figure {
  const curve = curveOfSpectra(report.modules);
  const targets = succeededTargets(report);
  const results = succeededResults(job).map((result, index) =>
    resultPoint(result, targets[index]!, report.modules),
  );
  const recommended = report.analysis?.uniform.rank.max;
  const chosen = results[0]?.rank ?? recommended;
  return {
    title: 'Error by rank',
    caption: [
      'Smallest possible relative errors if all modules had the same rank, by that rank: mean module error, whole adapter, worst module.',
      ...results.map(
        ({ rank, isMean, error }) =>
          `Result of ${isMean ? 'mean rank' : 'rank'} ${rank}: ${formatPercent(error)}.`,
      ),
      ...(recommended === undefined ? [] : [`Recommended: rank ${recommended}.`]),
    ].join(' '),
    width: 560,
    height: 340,
    option: (style) =>
      rankCurveChart({
        ...style,
        curve,
        ...(chosen !== undefined && { rank: chosen }),
        ...(recommended !== undefined && { recommended }),
        results,
      }),
  };
}

/** Sizes of the weights files before and after; for an analysis, of the factors at the recommended rank. */
export function sizeFigure(input: ReportInput): Figure {
  const files = [...sourceFiles(input), ...resultFiles(input), ...recommendedFiles(input)];
  return {
    title: 'Size of the weights',
    caption: `${files.map(({ label, bytes }) => `${label}: ${formatBytes(bytes)}`).join('; ')}.`,
    width: 560,
    height: Math.max(180, 80 + 40 * files.length),
    option: (style) => sizeChart({ ...style, files }),
  };
}

function sourceFiles(input: ReportInput): SizedFile[] {
  const { sources: all } = input.report;
  return all.slice(0, MAX_SOURCES).map(({ id, bytes }, index) => {
    const parts = adapterOf(input, id)?.size;
    return { label: all.length === 1 ? 'source' : `source ${index + 1}`, bytes, ...(parts && { parts }) };
  });
}

const resultFiles = ({ job }: ReportInput): SizedFile[] =>
  succeededResults(job).map(({ target, bytes, size }) => ({
    label: describeTarget(target),
    bytes,
    ...(size && { parts: size }),
  }));

const recommendedFiles = ({ report: { analysis } }: ReportInput): SizedFile[] =>
  analysis
    ? [
        {
          label: `rank ${analysis.uniform.rank.max} for all`,
          bytes: analysis.uniform.bytes,
          parts: factors(analysis.uniform.bytes),
        },
        { label: 'rank by module', bytes: analysis.budget.bytes, parts: factors(analysis.budget.bytes) },
      ]
    : [];

const factors = (bytes: number) => [{ what: 'lora', bytes }];

/** The spectra of the modules that lose most, each against the others. */
export function spectraFigures(input: ReportInput): Figure[] {
  const { report } = input;
  const modules = report.modules.map(({ name, singular_values }) => ({
    name: displayText(name, 240),
    singular_values,
  }));
  const lines = spectraLines(modules);
  const ranks = succeededTargets(report)[0]?.modules;
  return moduleLosses(input)
    .slice(0, MAX_MODULES)
    .map(({ index, error }) => {
      const { name } = modules[index]!;
      const rank = ranks?.[index]?.rank ?? report.analysis?.modules[index]?.knee;
      return {
        title: displayText(name, 60),
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
  return `Singular values: this module orange, the median of all blue, others grey. Of rank ${module.rank}. Relative error ${formatPercent(error)}.${marked}`;
}

/** Thins out the lines in the background. The last two are highlighted and stay. */
function thinned(option: EChartsOption): EChartsOption {
  const series = [option.series ?? []].flat();
  const background = series.slice(0, -2);
  const every = Math.max(1, Math.ceil(background.length / MAX_LINES));
  const kept = [...background.filter((_, index) => index % every === 0), ...series.slice(-2)].map((one) =>
    (one.data as readonly unknown[]).length > MAX_POINTS ? { ...one, sampling: 'lttb' } : one,
  );
  // No legend: the title already has the name of the module, and one of the thin lines has the same name.
  return { ...option, legend: { show: false }, series: kept as NonNullable<EChartsOption['series']> };
}
