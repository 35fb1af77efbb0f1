import { halfInterval, mean } from './paired.ts';
import { cell } from './quality-page.ts';
import { METHOD_NAMES, METHODS, type Method, type Results } from './results.ts';

const WIDTH = 966;
const HEIGHT = 460;
const LEFT = 66;
const TOP = 74;
const PLOT = { width: WIDTH - LEFT - 240, height: HEIGHT - TOP - 62 };
const BOTTOM = TOP + PLOT.height;
/** Half of the room left and right of the outer ranks, as a share of the distance between two ranks. */
const MARGIN = 0.4;
/** Methods are drawn side by side at each rank, so that their spreads do not cover each other. */
const APART = 9;
const LEGEND_LINE = 22;

interface Style {
  readonly colour: string;
  readonly outline: string;
  readonly dashes: string;
}

/** The methods that are drawn. */
const STYLES: Readonly<Partial<Record<Method, Style>>> = {
  direct: { colour: '#475569', outline: 'M-4.5,-4.5h9v9h-9z', dashes: '' },
  post: { colour: '#c2410c', outline: 'M0,-6l6,10.5h-12z', dashes: '' },
  cont: { colour: '#0f766e', outline: 'M0,-6.5l6.5,6.5l-6.5,6.5l-6.5,-6.5z', dashes: '' },
  in: { colour: '#1d4ed8', outline: 'M-5,0a5,5 0 1,0 10,0a5,5 0 1,0 -10,0z', dashes: '' },
  in_equal: { colour: '#7c3aed', outline: 'M0,6l6,-10.5h-12z', dashes: ' stroke-dasharray="7 4"' },
};

const drawnMethods = ({ plan }: Results): Method[] =>
  METHODS.filter((method) => plan.methods.includes(method) && STYLES[method]);

const marker = ({ outline, colour }: Style, x: number | string, y: number | string) =>
  `<path d="${outline}" transform="translate(${x} ${y})" fill="${colour}" stroke="#fff" stroke-width="1.5"/>`;

/** Whole steps of 1, 2, 5 … percent that hold all values, at most seven of them. */
export function percentAxis(values: readonly number[]): {
  ticks: readonly number[];
  at(value: number): number;
} {
  const [least, most] = [Math.min(...values), Math.min(100, Math.max(...values))];
  const step = [1, 2, 5, 10, 20].find((size) => Math.ceil(most / size) - Math.floor(least / size) <= 7) ?? 20;
  const first = Math.floor(least / step) * step;
  const last = Math.max(first + step, Math.ceil(most / step) * step);
  return {
    ticks: Array.from({ length: Math.round((last - first) / step) + 1 }, (_, i) => first + i * step),
    at: (value) => (value - first) / (last - first),
  };
}

/** Accuracy against the rank each method ends at: means over the seeds, bars of the 95 % interval. */
export function qualityFigure(results: Results): string {
  const { ranks, seeds, source_rank: sourceRank } = results.plan;
  const methods = drawnMethods(results);
  const lines = methods.map((method) => ranks.map((rank) => summary(cell(results, method, rank))));
  const source = summary(cell(results, 'source', sourceRank));
  const axis = percentAxis([source, ...lines.flat()].flatMap(({ low, high }) => [low, high]));
  const y = (percent: number) => (BOTTOM - axis.at(Math.min(100, percent)) * PLOT.height).toFixed(1);
  const place = (index: number) => LEFT + ((index + MARGIN) / (ranks.length - 1 + 2 * MARGIN)) * PLOT.width;
  const x = (index: number, line: number) =>
    (place(index) + (line - (methods.length - 1) / 2) * APART).toFixed(1);
  const right = LEFT + PLOT.width;

  const grid = axis.ticks.map(
    (percent) => `<line x1="${LEFT}" x2="${right}" y1="${y(percent)}" y2="${y(percent)}" stroke="#ddd"/>
<text x="${LEFT - 10}" y="${Number(y(percent)) + 4}" text-anchor="end">${percent} %</text>`,
  );
  const names = ranks.map(
    (rank, i) => `<text x="${place(i).toFixed(1)}" y="${BOTTOM + 22}" text-anchor="middle">${rank}</text>`,
  );
  const reference = `<rect x="${LEFT}" y="${y(source.high)}" width="${PLOT.width}" height="${(Number(y(source.low)) - Number(y(source.high))).toFixed(1)}" fill="#f1f5f9"/>
<line x1="${LEFT}" x2="${right}" y1="${y(source.mean)}" y2="${y(source.mean)}" stroke="#64748b" stroke-dasharray="6 4"/>
<text x="${right + 10}" y="${Number(y(source.mean)) + 4}" fill="#475569">trained at rank ${sourceRank}, not squeezed</text>`;
  const drawn = lines.map((points, line) => {
    const style = STYLES[methods[line]!]!;
    const { colour, dashes } = style;
    const path = points.map((point, i) => `${x(i, line)},${y(point.mean)}`).join(' ');
    const bars = points.map(
      ({ low, high }, i) =>
        `<line x1="${x(i, line)}" x2="${x(i, line)}" y1="${y(low)}" y2="${y(high)}" stroke="${colour}" stroke-width="1.5"/>`,
    );
    const dots = points.map((point, i) => marker(style, x(i, line), y(point.mean)));
    return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"${dashes}/>\n${[...bars, ...dots].join('\n')}`;
  });

  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="13" fill="#333">
<title>Test accuracy against the rank of the adapter</title>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
<text x="${LEFT}" y="28" font-size="17" font-weight="600">Test accuracy against the rank of the adapter</text>
<text x="${LEFT}" y="50" fill="#666">mean and 95 % interval over ${seeds.length} seed${seeds.length === 1 ? '' : 's'}; the same number of steps for all</text>
${reference}
${[...grid, ...names, ...drawn].join('\n')}
${legend(methods, right, Number(y(source.mean)))}
<text x="${LEFT + PLOT.width / 2}" y="${HEIGHT - 12}" text-anchor="middle">rank of the adapter at the end</text>
</svg>
`;
}

function summary(values: readonly number[]) {
  const [centre, half] = [mean(values), halfInterval(values)];
  return { mean: centre, low: centre - half, high: centre + half };
}

/** Beside the plot, at the end where the name of the line of the source rank is not. */
function legend(methods: readonly Method[], right: number, sourceY: number): string {
  const top = sourceY < TOP + PLOT.height / 2 ? BOTTOM - methods.length * LEGEND_LINE : TOP;
  const entries = methods.map((method, i) => {
    const at = top + 8 + i * LEGEND_LINE;
    return `${marker(STYLES[method]!, right + 18, at)}
<text x="${right + 32}" y="${at + 4}">${METHOD_NAMES[method]}</text>`;
  });
  return entries.join('\n');
}
