// Draws the relative error of every module, and of the whole adapter, at each rank, from a report. Needs no packages.
//
//   node examples/plot-report.mjs data/quickstart/out/report.json curve.svg

import { readFile, writeFile } from 'node:fs/promises';

const [reportPath, svgPath] = process.argv.slice(2);
if (!svgPath) {
  console.error('Usage: node examples/plot-report.mjs REPORT.json OUT.svg');
  process.exit(2);
}

const { modules, targets } = JSON.parse(await readFile(reportPath, 'utf8'));

const WIDTH = 760;
const HEIGHT = 420;
const LEFT = 64;
const TOP = 64;
const PLOT = { width: WIDTH - LEFT - 150, height: HEIGHT - TOP - 60 };

const maxRank = Math.max(...modules.map(({ rank }) => rank));
const ranks = Array.from({ length: maxRank + 1 }, (_, rank) => rank);

/** Share of a module's energy that is lost at a rank; the report states what is kept at rank 1, 2, … */
const lostShare = ({ energy_curve: curve }, rank) =>
  rank === 0 ? 1 : 1 - curve[Math.min(rank, curve.length) - 1];
const energy = modules.reduce((sum, module) => sum + module.energy, 0);
const wholeError = (rank) =>
  Math.sqrt(modules.reduce((sum, module) => sum + module.energy * lostShare(module, rank), 0) / energy);

const x = (rank) => LEFT + (rank / maxRank) * PLOT.width;
const y = (error) => TOP + (1 - error) * PLOT.height;
const path = (errorAt, style) => {
  const points = ranks.map((rank) => `${x(rank).toFixed(1)},${y(errorAt(rank)).toFixed(1)}`);
  return `<polyline points="${points.join(' ')}" fill="none" ${style}/>`;
};
const text = (content, atX, atY, extra = '') => `<text x="${atX}" y="${atY}" ${extra}>${content}</text>`;

const gridLines = [0, 0.25, 0.5, 0.75, 1].map(
  (error) =>
    `<line x1="${LEFT}" x2="${LEFT + PLOT.width}" y1="${y(error)}" y2="${y(error)}" stroke="#ddd"/>` +
    text(`${100 * error} %`, LEFT - 10, y(error) + 4, 'text-anchor="end"'),
);
// At most a dozen numbers on the axis.
const step = Math.ceil(maxRank / 12);
const rankLabels = ranks
  .filter((rank) => rank % step === 0)
  .map((rank) => text(rank, x(rank), TOP + PLOT.height + 22, 'text-anchor="middle"'));
const dots = targets.map(({ relative_error: error, modules: results }) => {
  const rank = Math.max(...results.map((result) => result.rank));
  return `<circle cx="${x(rank)}" cy="${y(error)}" r="5" fill="#c2410c" stroke="#fff" stroke-width="1.5"/>`;
});

const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="13" fill="#333">
<title>Relative error at each rank</title>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
${text('What is lost at each rank', LEFT, 28, 'font-size="17" font-weight="600"')}
${text('relative error of the update, ‖ΔW − ΔW′‖ / ‖ΔW‖', LEFT, 48, 'fill="#666"')}
${gridLines.join('\n')}
${rankLabels.join('\n')}
${text('rank', LEFT + PLOT.width / 2, HEIGHT - 14, 'text-anchor="middle"')}
${modules.map((module) => path((rank) => Math.sqrt(lostShare(module, rank)), 'stroke="#64748b" stroke-opacity="0.3"')).join('\n')}
${path(wholeError, 'stroke="#1d4ed8" stroke-width="3" stroke-linejoin="round"')}
${dots.join('\n')}
${legend([
  ['#1d4ed8', 3, 'whole adapter'],
  ['#64748b', 1, `${modules.length} modules`],
])}
<circle cx="${WIDTH - 126}" cy="${TOP + 66}" r="5" fill="#c2410c"/>
${text('written results', WIDTH - 110, TOP + 70)}
</svg>
`;

function legend(entries) {
  return entries
    .map(([colour, width, label], index) => {
      const at = TOP + 18 + index * 24;
      const line = `<line x1="${WIDTH - 136}" x2="${WIDTH - 116}" y1="${at}" y2="${at}" stroke="${colour}" stroke-width="${width}"/>`;
      return line + text(label, WIDTH - 110, at + 4);
    })
    .join('\n');
}

await writeFile(svgPath, svg);
