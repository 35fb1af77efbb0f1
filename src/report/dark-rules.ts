const COLOURS = / (fill|stroke|stop-color)="([^"]+)"/g;

/**
 * Rules of CSS that give a drawing the colours of another one of the same chart: a rule is stronger than an attribute
 * (SVG 2, 6.6). Empty where the drawings differ in more than colours.
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
