import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { succeededTargets } from '../../src/charts/succeeded-targets.ts';
import { describeOtherOptions, describeTarget } from '../../src/report/describe-target.ts';
import { textWidth } from '../../src/report/draw.ts';
import { standaloneFigure } from '../../src/report/figures.ts';
import { heatCells } from '../../src/report/heat-figure.ts';
import { darkRules } from '../../src/report/page/charts.ts';
import { renderPng } from '../../src/report/png.ts';
import { FIGURES } from '../../src/report/report-input.ts';
import { decodePng } from './decode-png.ts';
import { elementsOf, textOf } from './markup.ts';
import { buildReportInput } from './report-inputs.ts';

describe('a separate figure', () => {
  const input = buildReportInput({ modules: 40, rank: 16, targets: [{ rank: 4 }, { rank: 8 }] });

  for (const figure of FIGURES) {
    it(`is well-formed SVG with a title: ${figure}`, () => {
      const svg = standaloneFigure(input, figure);
      assert.equal(standaloneFigure(input, figure), svg, 'the same every time');
      const [root, title, desc] = elementsOf(svg);
      assert.deepEqual([root!.tag, title!.tag, desc!.tag], ['svg', 'title', 'desc']);
      assert.equal(root!.attributes.get('width'), '1200');
      assert.match(root!.attributes.get('viewBox')!, /^0 0 \d+ \d+$/);
      assert.ok(!/<style|style=|class=|ecmeta|script|\[object|NaN|zr\d/.test(svg));
    });

    it(`is drawn as PNG with its text: ${figure}`, () => {
      const { width, height, pixels } = decodePng(renderPng(standaloneFigure(input, figure)));
      assert.equal(width, 1200);
      assert.ok(height > 250 && height < 1200);
      const colours = new Map<number, number>();
      for (let at = 0; at < pixels.length; at += 4) {
        const colour = pixels.readUInt32BE(at);
        colours.set(colour, (colours.get(colour) ?? 0) + 1);
      }
      assert.equal(pixels[3], 255, 'on a ground of its own');
      assert.ok(colours.size > 20, 'lines and letters have soft edges');
      const ground = Math.max(...colours.values());
      assert.ok(ground < 0.97 * width * height, 'not blank');
      // The title is dark and in the upper left; without a font nothing would be there.
      const dark = (x: number, y: number): boolean => pixels[4 * (y * width + x)]! < 80;
      let letters = 0;
      for (let y = 10; y < 70; y++) for (let x = 10; x < 500; x++) if (dark(x, y)) letters++;
      assert.ok(letters > 300, `${letters} dark pixels in the title`);
    });
  }

  it('marks the chosen rank, and what an analysis recommends', () => {
    assert.match(
      textOf(standaloneFigure(input, 'error-by-rank')),
      /rank 4 .*Result of rank 8|Result of rank 4.*rank 4/,
    );
    const analysis = buildReportInput({ modules: 6, kind: 'analyze' });
    assert.match(textOf(standaloneFigure(analysis, 'error-by-rank')), /Recommended: rank 4/);
    assert.match(textOf(standaloneFigure(analysis, 'sizes')), /rank 4 for all: 2\.00 MB/);
  });

  it('says in which of two results the errors are lower', () => {
    const text = textOf(standaloneFigure(input, 'difference'));
    assert.match(text, /Difference of the relative errors: rank 4 and rank 8/);
    assert.match(text, /Of 40 modules, 0 have a lower error in rank 4 and 40 in rank 8\./);
    const largest = /The largest difference is ([\d.]+) points, in (\S+)\. /.exec(text)!;
    const [one, other] = succeededTargets(input.report).map(({ modules }) => modules);
    const differences = one!.map((module, index) => module.relative_error - other![index]!.relative_error);
    const most = Math.max(...differences);
    assert.equal(largest[1], (100 * most).toFixed(1));
    assert.equal(largest[2], one![differences.indexOf(most)]!.name);
    assert.match(text, /lower error in rank 4, by up to [\d.]+ points/);
  });

  it('escapes names', () => {
    const evil = `layers.1.<script>"x"</script>`;
    const hostile = buildReportInput({
      modules: 3,
      targets: [{ rank: 4 }, { rank: 8 }],
      nameOf: (index) => `${evil}\0\u202e${index}`,
      baseModel: evil,
    });
    for (const figure of FIGURES) {
      const svg = standaloneFigure(hostile, figure);
      assert.ok(!elementsOf(svg).some(({ tag }) => tag === 'script'));
      renderPng(svg);
    }
  });
});

describe('cells of a heat map', () => {
  const modules = (count: number, nameOf: (index: number) => string) =>
    Array.from({ length: count }, (_, index) => ({ name: nameOf(index), value: index / count }));

  it('are modules if there is room', () => {
    const cells = heatCells(modules(80, (index) => `layers.${index >> 2}.p${index % 4}`));
    assert.deepEqual([cells.modules.length, cells.rows, cells.note], [80, 4, undefined]);
    const most = Math.max(...cells.modules.map(({ value }) => value));
    assert.ok(Math.abs(most - 79 / 80) < 1e-12, 'the largest stays what it is');
    assert.ok(new Set(cells.modules.map(({ value }) => value.toPrecision(9))).size <= 33, 'in shades');
  });

  it('represent several experts if there is not', () => {
    const cells = heatCells(modules(512, (index) => `layers.${index % 4}.experts.${index >> 2}.w`));
    assert.equal(cells.rows, 1);
    assert.deepEqual(new Set(cells.modules.map(({ name }) => name)).size, 4);
    assert.match(cells.note!, /differ only in a number/);
  });

  it('are the worst of very many', () => {
    const letters = (index: number): string =>
      String.fromCharCode(97 + (index % 26), 97 + Math.floor(index / 26));
    const cells = heatCells(modules(300, (index) => `layers.0.${letters(index)}`));
    assert.equal(cells.rows, 40);
    assert.equal(cells.modules.length, 40);
    assert.ok(cells.modules.every(({ value }) => value > 0.85));
  });

  it('keep the sign of a difference', () => {
    const cells = heatCells(
      modules(512, (index) => `layers.${index % 4}.experts.${index >> 2}.w`).map(({ name, value }) => ({
        name,
        value: value - 0.75,
      })),
    );
    assert.deepEqual([Math.min(...cells.modules.map(({ value }) => value)), cells.rows], [-0.75, 1]);
    assert.ok(cells.modules.some(({ value }) => value > 0.2));
  });

  it('can show zeros and nothing', () => {
    assert.deepEqual(heatCells([]).modules, []);
    assert.deepEqual(heatCells([{ name: 'a', value: 0 }]).modules, [{ name: 'a', value: 0 }]);
  });
});

describe('the dark rules of a drawing', () => {
  it('replace each colour by that of the dark drawing', () => {
    const rules = darkRules(
      'x',
      '<a fill="#fff" stroke="#111"/><b fill="#fff"/>',
      '<a fill="#000" stroke="#111"/><b fill="#000"/>',
    );
    assert.equal(rules, '#x [fill="#fff"]{fill:#000}');
  });

  it('are absent if the drawings differ in more than colours', () => {
    assert.equal(darkRules('x', '<a fill="#fff"/>', '<a/>'), '');
  });
});

describe('words', () => {
  it('describe every kind of target', () => {
    const cases = [
      [{ rank: 16 }, 'rank 16'],
      [{ energy: 0.99 }, 'energy 99.0\u00a0%'],
      [{ ratio: 100 }, 'σ above σ₁ / 100'],
      [{ cumulative: 0.5 }, 'Σσ 50.0\u00a0%'],
      [{ knee: true }, 'knee'],
      [{ tolerance: 0.1 }, 'error ≤ 10.0\u00a0%'],
      [{ budget_bytes: 1_500_000 }, '1.50\u00a0MB of factors'],
      [{ budget_parameters: 1_500_000 }, '1,500,000 parameters'],
      [{ rank_pattern: { a: 1, b: 2 } }, 'rank pattern of 2'],
      [{ profile: 'vllm' }, 'largest rank of vllm'],
      [{ format: 'kohya' }, 'as kohya'],
    ] as const;
    for (const [target, words] of cases) assert.equal(describeTarget(target as never), words);
    assert.equal(
      describeOtherOptions({ rank: 4, scale: 'keep', uniform: false }),
      'scale: keep, uniform: false',
    );
    assert.equal(describeOtherOptions({ rank: 4 }), '');
  });

  it('have approximately the estimated width', () => {
    assert.ok(textWidth('mmm', '12px x') > textWidth('iii', '12px x'));
    assert.equal(textWidth('abc', '24px x'), 2 * textWidth('abc', '12px x'));
    assert.equal(textWidth('模型', 'bold 10px x'), 20);
  });
});
