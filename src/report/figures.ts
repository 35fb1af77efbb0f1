import { paletteOf } from '../charts/palette.ts';
import { curveOfSpectra, rankCurveChart } from '../charts/rank-curve-chart.ts';
import { type SizedFile, sizeChart } from '../charts/size-chart.ts';
import { resultsOf, shownError } from '../charts/succeeded.ts';
import { draw, type Figure } from './draw.ts';
import { heatFigure } from './heat-figure.ts';
import { escapeHtml } from './html.ts';
import { adapterOf, type FigureName, type ReportInput } from './report-input.ts';
import { targetInWords, unbrokenBytes, unbrokenPercent } from './words.ts';

/** Width of a figure on its own, in pixels. */
const FIGURE_WIDTH = 1200;
/** More bars than this are a table. */
const MOST_SOURCES = 8;

/** Figures that can be had on their own. */
const MAKERS: Readonly<Record<FigureName, (input: ReportInput) => Figure>> = {
  'error-by-rank': errorFigure,
  heatmap: (input) => heatFigure(input),
  sizes: sizeFigure,
};

/** One figure with its title, as an SVG document on white ground. */
export function standaloneFigure(input: ReportInput, name: FigureName): string {
  const { title, caption, width, height, option } = MAKERS[name](input);
  // Room for the title.
  const size = { width, height: height + 30 };
  const svg = draw(option({ palette: paletteOf('light'), title }), { ...size, id: 'figure' });
  const scale = FIGURE_WIDTH / size.width;
  return svg.replace(
    /^<svg ([^>]*?)width="\d+" height="\d+"([^>]*)>/,
    `<svg $1width="${FIGURE_WIDTH}" height="${Math.round(size.height * scale)}"$2 role="img">` +
      `<title>${escapeHtml(title)}</title><desc>${escapeHtml(caption)}</desc>`,
  );
}

/** What every rank loses, with the ranks that were chosen; of an analysis with the one it recommends. */
export function errorFigure({ report, job }: ReportInput): Figure {
  const curve = curveOfSpectra(report.modules);
  const results = resultsOf(job).map((result) => ({ rank: result.rank.max, error: shownError(result) }));
  const recommended = report.analysis?.uniform.rank.max;
  const chosen = results[0]?.rank ?? recommended;
  return {
    title: 'Error by rank',
    caption: [
      'The least relative errors of each rank, if every module had it: mean module error, whole adapter, worst module.',
      ...results.map(({ rank, error }) => `Result of rank ${rank}: ${unbrokenPercent(error)}.`),
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

/** Weights files before and after; of an analysis, the factors at what it recommends. */
export function sizeFigure(input: ReportInput): Figure {
  const files = [...sourceFiles(input), ...resultFiles(input), ...recommendedFiles(input)];
  return {
    title: 'Size of the weights',
    caption: `${files.map(({ label, bytes }) => `${label}: ${unbrokenBytes(bytes)}`).join('; ')}.`,
    width: 560,
    height: Math.max(180, 80 + 40 * files.length),
    option: (style) => sizeChart({ ...style, files }),
  };
}

function sourceFiles(input: ReportInput): SizedFile[] {
  const { sources: all } = input.report;
  return all.slice(0, MOST_SOURCES).map(({ id, bytes }, index) => {
    const parts = adapterOf(input, id)?.size;
    return { label: all.length === 1 ? 'source' : `source ${index + 1}`, bytes, ...(parts && { parts }) };
  });
}

const resultFiles = ({ job }: ReportInput): SizedFile[] =>
  resultsOf(job).map(({ target, bytes, size }) => ({
    label: targetInWords(target),
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
