import { fileSize } from '../format.ts';
import { valueAt } from '../power-law.ts';
import { median } from '../statistics.ts';
import { growth, type MeasuredSeries } from './work-page.ts';
import type { WorkSeries } from './work-points.ts';

const WIDTH = 760;
const HEIGHT = 460;
const LEFT = 74;
const TOP = 70;
const PLOT = { width: WIDTH - LEFT - 34, height: HEIGHT - TOP - 62 };

/** Each series has a colour and a shape, the outline of a marker around 0, 0. */
const STYLE = {
  bytes: {
    colour: '#1d4ed8',
    outline: 'M-5,0a5,5 0 1,0 10,0a5,5 0 1,0 -10,0z',
    label: 'more modules of 4096 × 4096, rank 64',
  },
  rank: {
    colour: '#c2410c',
    outline: 'M-4.5,-4.5h9v9h-9z',
    label: 'more rank, 8 to 512',
  },
  modules: {
    colour: '#475569',
    outline: 'M0,-6l6,10.5h-12z',
    label: 'more modules of 1024 × 1024, rank 16',
  },
} as const;

const marker = (name: WorkSeries['name'], x: number | string, y: number | string) =>
  `<path d="${STYLE[name].outline}" transform="translate(${x} ${y})" fill="${STYLE[name].colour}" stroke="#fff" stroke-width="1.5"/>`;

/** A logarithmic axis over whole decades. */
interface Axis {
  readonly ticks: readonly number[];
  /** 0 at its beginning, 1 at its end. */
  at(value: number): number;
}

/** Decades, widened to hold all values: 1, 10, 100 … */
export function logAxis(values: readonly number[]): Axis {
  const first = Math.floor(Math.log10(Math.min(...values)) + 1e-9);
  const last = Math.max(first + 1, Math.ceil(Math.log10(Math.max(...values)) - 1e-9));
  return {
    ticks: Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i)),
    at: (value) => (Math.log10(value) - first) / (last - first),
  };
}

/** Seconds of a job against the bytes of its adapter, log–log: every point, and the line fitted to the growing bytes. */
export function workFigure(series: readonly MeasuredSeries[]): string {
  const points = series.flatMap((each) => each.points.map((point) => ({ ...point, series: each.name })));
  const xAxis = logAxis(points.map(({ bytes }) => bytes));
  const yAxis = logAxis(points.map(({ totals }) => median(totals)));
  const x = (bytes: number) => (LEFT + xAxis.at(bytes) * PLOT.width).toFixed(1);
  const y = (time: number) => (TOP + (1 - yAxis.at(time)) * PLOT.height).toFixed(1);
  const bottom = TOP + PLOT.height;

  const grid = [
    ...xAxis.ticks.map(
      (bytes) => `<line x1="${x(bytes)}" x2="${x(bytes)}" y1="${TOP}" y2="${bottom}" stroke="#ddd"/>
<text x="${x(bytes)}" y="${bottom + 22}" text-anchor="middle">${fileSize(bytes).replace('.0', '')}</text>`,
    ),
    ...yAxis.ticks.map(
      (time) => `<line x1="${LEFT}" x2="${LEFT + PLOT.width}" y1="${y(time)}" y2="${y(time)}" stroke="#ddd"/>
<text x="${LEFT - 10}" y="${Number(y(time)) + 4}" text-anchor="end">${Number(time.toPrecision(1))} s</text>`,
    ),
  ];
  const dots = points.map(({ bytes, totals, series: name }) => marker(name, x(bytes), y(median(totals))));
  const growing = series.find(({ name }) => name === 'bytes')!;
  const { law, fromBytes } = growth(growing.points);
  const toBytes = Math.max(...growing.points.map(({ bytes }) => bytes));
  const line = `<line x1="${x(fromBytes)}" y1="${y(valueAt(law, fromBytes))}" x2="${x(toBytes)}" y2="${y(valueAt(law, toBytes))}" stroke="${STYLE.bytes.colour}" stroke-width="2"/>`;

  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="13" fill="#333">
<title>Seconds of a job against the size of the adapter</title>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
<text x="${LEFT}" y="28" font-size="17" font-weight="600">Seconds of a whole job against the size of the adapter</text>
<text x="${LEFT}" y="50" fill="#666">median of warm jobs, rsvd; the line: seconds grow as bytes to the power of ${law.exponent.toFixed(2)}</text>
${grid.join('\n')}
${line}
${dots.join('\n')}
${legend()}
<text x="${LEFT + PLOT.width / 2}" y="${HEIGHT - 12}" text-anchor="middle">size of the adapter</text>
</svg>
`;
}

/** In the upper left corner, which is empty because time grows with size. */
function legend(): string {
  const names = Object.keys(STYLE) as WorkSeries['name'][];
  const entries = names.map((name, index) => {
    const at = TOP + 22 + index * 22;
    return `${marker(name, LEFT + 18, at)}
<text x="${LEFT + 32}" y="${at + 4}">${STYLE[name].label}</text>`;
  });
  const ground = `<rect x="${LEFT + 4}" y="${TOP + 6}" width="290" height="${entries.length * 22 + 12}" fill="#fff" fill-opacity="0.9"/>`;
  return [ground, ...entries].join('\n');
}
