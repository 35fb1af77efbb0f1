import { mean } from './paired.ts';
import type { RanksRow } from './tuning-tables.ts';

const WIDTH = 880;
const HEIGHT = 430;
const TOP = 78;
const PANEL = { width: 350, height: HEIGHT - TOP - 58 };
const LEFTS = [66, 66 + PANEL.width + 66] as const;
const BOTTOM = TOP + PANEL.height;
const COLOURS = ['#1d4ed8', '#c2410c'] as const;
/** Energies are drawn from here to 1. */
const MIN_ENERGY = 0.4;
const ENERGY_TICKS = [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

/** Accuracy lost by Post-Squeeze against the energy kept: of the whole adapter, and of its own in the mean over modules. */
export function errorCostFigure(all: readonly RanksRow[]): string {
  const rows = all.filter(({ norm }) => norm === 'kept');
  const tasks = [...new Set(rows.map(({ task }) => task))];
  const most = Math.ceil(Math.max(...rows.map(({ cost }) => mean(cost))) / 2) * 2;
  const x = (panel: number, energy: number) =>
    (LEFTS[panel]! + ((energy - MIN_ENERGY) / (1 - MIN_ENERGY)) * PANEL.width).toFixed(1);
  const y = (cost: number) => (TOP + (Math.max(0, cost) / most) * PANEL.height).toFixed(1);
  const panels = (['energy', 'module_energy'] as const).map((measure, panel) => {
    const [left, right] = [LEFTS[panel]!, LEFTS[panel]! + PANEL.width];
    const grid = Array.from({ length: most / 2 + 1 }, (_, i) => 2 * i).map(
      (cost) =>
        `<line x1="${left}" x2="${right}" y1="${y(cost)}" y2="${y(cost)}" stroke="#ddd"/>` +
        `<text x="${left - 8}" y="${Number(y(cost)) + 4}" text-anchor="end">${cost === 0 ? 0 : `−${cost}`}</text>`,
    );
    const ticks = ENERGY_TICKS.map(
      (energy) =>
        `<text x="${x(panel, energy)}" y="${BOTTOM + 20}" text-anchor="middle">${100 * energy} %</text>`,
    );
    const dots = rows.map(({ task, cost, criterion, ...row }) => {
      const colour = COLOURS[tasks.indexOf(task)]!;
      const at = `cx="${x(panel, mean(row[measure]))}" cy="${y(mean(cost))}" r="4.5"`;
      return criterion === 'uniform'
        ? `<circle ${at} fill="${colour}"/>`
        : `<circle ${at} fill="none" stroke="${colour}" stroke-width="1.5"/>`;
    });
    const name = measure === 'energy' ? 'energy kept of the whole adapter' : 'energy kept, mean over modules';
    return [
      ...grid,
      ...ticks,
      ...dots,
      `<text x="${(left + right) / 2}" y="${HEIGHT - 12}" text-anchor="middle">${name}</text>`,
    ].join('\n');
  });
  const legend = tasks.map(
    (task, i) =>
      `<circle cx="${LEFTS[1] + 180}" cy="${TOP + PANEL.height - 46 + 22 * i}" r="4.5" fill="${COLOURS[i]}"/>` +
      `<text x="${LEFTS[1] + 194}" y="${TOP + PANEL.height - 42 + 22 * i}">${task}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="13" fill="#333">
<title>Accuracy that Post-Squeeze costs, against the energy it keeps</title>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
<text x="${LEFTS[0]}" y="28" font-size="17" font-weight="600">Accuracy that Post-Squeeze costs, in percentage points</text>
<text x="${LEFTS[0]}" y="50" fill="#666">each point is the mean of five adapters; filled: one rank for all modules, hollow: ranks by module at the same size</text>
${panels.join('\n')}
${legend.join('\n')}
</svg>
`;
}
