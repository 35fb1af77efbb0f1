import { paletteOf } from '../../charts/palette.ts';
import { succeededTargets } from '../../charts/succeeded-targets.ts';
import { counted } from '../../errors/counted.ts';
import { draw, type Figure } from '../draw.ts';
import { errorFigure, sizeFigure, spectraFigures } from '../figures.ts';
import { differenceFigure, heatFigure, isRankMapUseful } from '../heat-figure.ts';
import { type Html, html, trustedHtml, when } from '../html.ts';
import type { ReportInput } from '../report-input.ts';

/** A cell of a heat map is about a hundred bytes: further maps are left out if the page would become too long. */
const MAX_CELLS = 6000;

const COLOURS = / (fill|stroke|stop-color)="([^"]+)"/g;

/** Charts as markup, and the style rules for dark mode. */
export interface Charts {
  readonly markup: Html;
  readonly dark: string;
}

/** All charts of a report. */
export function chartsSection(input: ReportInput): Charts {
  const dark: string[] = [];
  const drawn = (figure: Figure, id: string, isWide = false): Html => {
    const light = drawIn('light', figure, id);
    dark.push(darkRules(id, light, drawIn('dark', figure, id)));
    return figureOf(figure, light, id, isWide);
  };
  const { shown, left } = heatMaps(input);
  const differences = differenceMaps(input);
  const spectra = spectraFigures(input);
  const markup = html`
<section aria-labelledby="charts"><h2 id="charts">How close it is</h2>
<div class="charts">
${drawn(errorFigure(input), 'chart-error')}
${drawn(sizeFigure(input), 'chart-size')}
</div></section>
<section aria-labelledby="layers"><h2 id="layers">Where the errors are</h2>
${shown.map((figure, index) => drawn(figure, `chart-heat-${index}`, true))}
${when(left > 0, () => html`<p class="muted">${counted(left, 'more result is', 'more results are')} in the tables only.</p>`)}
</section>
${when(
  differences.length > 0,
  () => html`
<section aria-labelledby="differences"><h2 id="differences">Where the results differ</h2>
${differences.map((figure, index) => drawn(figure, `chart-difference-${index}`, true))}
<p class="muted">One point is one percentage point: between errors of 12 % and 10 % are 2 points.</p>
</section>`,
)}
${when(
  spectra.length > 0,
  () => html`
<section aria-labelledby="spectra"><h2 id="spectra">Spectra of the modules that lose most</h2>
<div class="charts three">
${spectra.map((figure, index) => drawn(figure, `chart-spectrum-${index}`))}
</div></section>`,
)}`;
  return { markup, dark: dark.filter((rules) => rules !== '').join('\n') };
}

function heatMaps(input: ReportInput): { shown: Figure[]; left: number } {
  const { modules } = input.report;
  const all = Math.max(1, succeededTargets(input.report).length);
  const count = Math.min(all, Math.max(1, Math.floor(MAX_CELLS / Math.max(1, modules.length))));
  return { shown: Array.from({ length: count }, (_, index) => heatFigure(input, index)), left: all - count };
}

/** The first result against each of the others; their ranks too, if those do not differ by one number everywhere. */
function differenceMaps(input: ReportInput): Figure[] {
  const { modules } = input.report;
  const others = Math.max(0, succeededTargets(input.report).length - 1);
  const count = Math.min(others, Math.max(1, Math.floor(MAX_CELLS / 2 / Math.max(1, modules.length))));
  return Array.from({ length: count }, (_, index) => index + 1).flatMap((other) => [
    differenceFigure(input, other),
    ...(isRankMapUseful(input, other) ? [differenceFigure(input, other, 'rank')] : []),
  ]);
}

const drawIn = (scheme: 'light' | 'dark', { width, height, option }: Figure, id: string): string =>
  draw(option({ palette: paletteOf(scheme) }), { width, height, id });

const figureOf = ({ title, caption }: Figure, svg: string, id: string, isWide: boolean): Html => html`
<figure id="${id}" aria-labelledby="${id}-title">
<h3 id="${id}-title">${title}</h3>
${scrolling(trustedHtml(svg.replace('<svg ', `<svg role="img" aria-labelledby="${id}-title" `)), title, isWide)}
<figcaption>${caption}</figcaption>
</figure>`;

const scrolling = (svg: Html, title: string, isWide: boolean): Html =>
  isWide ? html`<div class="scroll wide" role="region" aria-label="${title}" tabindex="0">${svg}</div>` : svg;

/**
 * CSS rules that give a drawing the colours of another drawing of the same chart: a rule overrides an attribute (SVG 2,
 * 6.6). Empty if the drawings differ in more than colours.
 * @param id of the element that holds the drawing
 */
export function darkRules(id: string, light: string, dark: string): string {
  const [before, after] = [coloursOf(light), coloursOf(dark)];
  if (before.length !== after.length) return '';
  const rules = new Map<string, string>();
  before.forEach(([attribute, colour], index) => {
    const [, other] = after[index]!;
    const selector = `#${id} [${attribute}="${colour}"]`;
    if (colour !== other && !rules.has(selector)) rules.set(selector, `{${attribute}:${other}}`);
  });
  return [...rules].map(([selector, rule]) => selector + rule).join('\n');
}

const coloursOf = (svg: string): [string, string][] =>
  [...svg.matchAll(COLOURS)].map(([, attribute, colour]) => [attribute!, colour!]);
