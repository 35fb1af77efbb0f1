import type { MeasuredTrials } from './measure-fairness.ts';

const WIDTH = 760;
const HEIGHT = 420;
const LEFT = 64;
const TOP = 74;
const PLOT = { width: WIDTH - LEFT - 34, height: HEIGHT - TOP - 62 };
const COLOURS = ['#1d4ed8', '#c2410c', '#475569', '#15803d'];

/** The share of trials in which the quiet tenant's job had begun, against its wait in jobs, with the bound of each. */
export function fairnessFigure(measured: readonly MeasuredTrials[]): string {
  const most = Math.ceil(Math.max(...measured.flatMap(({ bound, waits }) => [bound, ...waits]))) + 1;
  const x = (jobs: number) => (LEFT + (jobs / most) * PLOT.width).toFixed(1);
  const y = (share: number) => (TOP + (1 - share) * PLOT.height).toFixed(1);
  const bottom = TOP + PLOT.height;
  const grid = [
    ...Array.from(
      { length: most + 1 },
      (_, jobs) => `<line x1="${x(jobs)}" x2="${x(jobs)}" y1="${TOP}" y2="${bottom}" stroke="#eee"/>
<text x="${x(jobs)}" y="${bottom + 20}" text-anchor="middle">${jobs}</text>`,
    ),
    ...[0, 0.25, 0.5, 0.75, 1].map(
      (
        share,
      ) => `<line x1="${LEFT}" x2="${LEFT + PLOT.width}" y1="${y(share)}" y2="${y(share)}" stroke="#ddd"/>
<text x="${LEFT - 10}" y="${Number(y(share)) + 4}" text-anchor="end">${share * 100} %</text>`,
    ),
  ];
  const curves = measured.map(({ waits, bound }, index) => {
    const colour = COLOURS[index % COLOURS.length]!;
    const sorted = waits.toSorted((one, other) => one - other);
    const steps = sorted.map((wait, at) => `H${x(wait)}V${y((at + 1) / sorted.length)}`).join('');
    return `<path d="M${x(0)},${y(0)}${steps}H${x(most)}" fill="none" stroke="${colour}" stroke-width="2"/>
<line x1="${x(bound)}" x2="${x(bound)}" y1="${TOP}" y2="${bottom}" stroke="${colour}" stroke-width="2" stroke-dasharray="5 4"/>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="13" fill="#333">
<title>How long a quiet tenant waits beside a backlog of 5,000 jobs</title>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
<text x="${LEFT}" y="28" font-size="17" font-weight="600">How long a quiet tenant waits beside a backlog of 5,000 jobs</text>
<text x="${LEFT}" y="50" fill="#666">share of trials in which its job had begun; dashed: the bound, 2 + tenants / slots</text>
${grid.join('\n')}
${curves.join('\n')}
${legend(measured)}
<text x="${LEFT + PLOT.width / 2}" y="${HEIGHT - 12}" text-anchor="middle">wait, in multiples of the duration of one job</text>
</svg>
`;
}

/** In the lower right corner, which no curve that keeps its bound reaches. */
function legend(measured: readonly MeasuredTrials[]): string {
  const height = measured.length * 20 + 10;
  const [left, top] = [LEFT + PLOT.width - 286, TOP + PLOT.height - height - 8];
  const entries = measured.map(({ name }, index) => {
    const at = top + 18 + index * 20;
    return `<line x1="${left + 10}" x2="${left + 34}" y1="${at}" y2="${at}" stroke="${COLOURS[index % COLOURS.length]}" stroke-width="3"/>
<text x="${left + 42}" y="${at + 4}">${name}</text>`;
  });
  return `<rect x="${left}" y="${top}" width="280" height="${height}" fill="#fff" fill-opacity="0.9" stroke="#ddd"/>
${entries.join('\n')}`;
}
