import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { type EChartsOption, init } from 'echarts';
import { comparisonChart } from '../../src/charts/comparison-chart.ts';
import { comparedModules, describeDifference, differenceMap } from '../../src/charts/difference-map.ts';
import {
  describeSqueeze,
  formatBytes,
  formatPercent,
  type SqueezedSize,
  truncateStart,
} from '../../src/charts/format.ts';
import { layerHeatMap } from '../../src/charts/layer-heat-map.ts';
import { moduleGrid } from '../../src/charts/module-grid.ts';
import {
  distinctLabels,
  layerLabels,
  modulePlaces,
  withoutCommonStart,
} from '../../src/charts/module-names.ts';
import { type Palette, paletteOf } from '../../src/charts/palette.ts';
import { bandsOf, rankBands, rowsOf } from '../../src/charts/rank-bands.ts';
import { curveOfSpectra, rankCurveChart, resultPoint } from '../../src/charts/rank-curve-chart.ts';
import { runTimeline, type TimelineRun, timelineHeight } from '../../src/charts/run-timeline.ts';
import { sizeChart } from '../../src/charts/size-chart.ts';
import { sizeCurveChart } from '../../src/charts/size-curve-chart.ts';
import { spectraChart, spectraLines } from '../../src/charts/spectra-chart.ts';
import type { CheckpointRecord } from '../../src/contract/run.ts';
import { planSchedule } from '../../src/schedule/plan-schedule.ts';

/** The SVG that ECharts renders from an option without a browser. */
function drawn(option: EChartsOption): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: 640, height: 360 });
  chart.setOption({ ...option, animation: false });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

const spectrum = (name: string, sigma: readonly number[]) => {
  const energy = sigma.reduce((sum, value) => sum + value ** 2, 0);
  let kept = 0;
  const curve = sigma.map((value) => {
    kept += value ** 2;
    return energy > 0 ? kept / energy : 1;
  });
  return { name, singular_values: [...sigma], energy, energy_curve: curve };
};

const modules = Array.from({ length: 24 }, (_, index) =>
  spectrum(`model.layers.${index >> 1}.${index % 2 ? 'mlp.up_proj' : 'self_attn.q_proj'}`, [
    4,
    2,
    1,
    0.5 / (1 + index),
  ]),
);

const checkpoint = (step: number, before: number, after: number): CheckpointRecord => ({
  ...{ run_id: 'run_1', step, decision: 'squeeze', reason: '', state: 'succeeded', late_by_steps: 0 },
  rank_before: { min: before, max: before },
  rank_after: { min: after, max: after },
  ...{ source_adapter_id: 'ad_1', adapter_id: 'ad_2', relative_error: 0.1, energy_retained: 0.99 },
  ...{ loss: null, learning_rate: null, training: null, files: [], job_id: 'job_1', superseded: false },
  ...{ next_checkpoint_step: null, error: null, created_at: '2026-11-24T21:50:10.000Z' },
});

/** A run with an adaptive schedule after a squeeze. */
const RUN: TimelineRun = {
  schedule: null,
  request: { adaptive: { source_rank: 32, target_rank: 4, total_steps: 4000, energy: 0.9 } },
  checkpoints: [checkpoint(800, 32, 8), { ...checkpoint(700, 32, 16), superseded: true }],
  rank: { min: 8, max: 8 },
  step: 800,
  learning_rate: {
    ...{ factor: 1.59, warm_up_steps: 30, decay_steps: 0, share: 0.4 },
    ...{ begin_step: 800, end_step: 4000 },
  },
};

const HISTORY = [0, 800].map((step) => ({
  step,
  ranks: new Map(
    ['layers.10.q', 'layers.2.q', 'layers.2.v'].map((name, index) => [name, step === 0 ? 8 : index + 1]),
  ),
}));

const compared = (name: string, first: number, second: number) => ({
  ...{ name, first, second },
  ...{ firstRank: 4, secondRank: 2 },
});

describe('charts', () => {
  const style = { palette: paletteOf('light') };
  const curve = curveOfSpectra(modules);
  let all: (palette: Palette) => Record<string, EChartsOption>;

  before(() => {
    const schedule = planSchedule({ source_rank: 64, target_rank: 4, total_steps: 4000 });
    const errors = modules.map(({ name }, index) => ({ name, value: index / 100 }));
    all = (palette) => ({
      curve: rankCurveChart({ palette, curve, rank: 2, recommended: 3, title: 'Errors' }),
      spectra: spectraChart({ palette, lines: spectraLines(modules), selected: modules[3]!.name, rank: 2 }),
      map: layerHeatMap({ palette, modules: errors, what: 'error' }),
      difference: differenceMap({
        palette,
        modules: modules.map(({ name }, index) => compared(name, 0.1, index / 20)),
        labels: ['rank 2', 'rank 4'],
        of: 'error',
      }),
      size: sizeChart({
        palette,
        files: [
          { label: 'before', bytes: 3e6 },
          { label: 'after', bytes: 1e6 },
        ],
      }),
      timeline: runTimeline({ palette, run: { ...RUN, schedule } }),
      bands: rankBands({ palette, history: HISTORY, untilStep: 900, totalSteps: 4000 }),
      comparison: comparisonChart({
        palette,
        modules: errors.map(({ name, value }) => ({ name, first: value, second: value / 2 })),
        labels: ['rank 2', 'rank 4'],
      }),
    });
  });

  for (const scheme of ['light', 'dark'] as const) {
    it(`are drawn without a browser, on the right background: ${scheme}`, () => {
      const palette = paletteOf(scheme);
      for (const [name, option] of Object.entries(all(palette))) {
        const svg = drawn(option);
        assert.match(svg, /^<svg[\s\S]+<\/svg>$/, name);
        assert.ok(svg.includes(`fill="${palette.surface}"`), `${name}: the ground`);
        assert.ok((svg.match(/<(path|rect|circle)\b/g) ?? []).length >= 4, `${name}: nothing is drawn`);
        assert.doesNotMatch(svg, /NaN|undefined/, name);
      }
    });
  }

  it('have enough contrast between colours for text and lines', () => {
    for (const scheme of ['light', 'dark'] as const) {
      const { surface, ink, muted, main, second, mark, good, bad } = paletteOf(scheme);
      for (const text of [ink, muted, main, second, mark, good, bad])
        assert.ok(contrast(text, surface) >= 4.5, `${scheme}: ${text} has ${contrast(text, surface)}`);
    }
  });

  it('show differences on a scale with zero in its middle, which colour-blind readers can read', () => {
    const labels = ['rank 2', 'rank 4'] as const;
    const modules = [compared('a', 0.3, 0.1), compared('b', 0.1, 0.15), compared('c', 0.2, 0.2)];
    const option = differenceMap({ ...style, modules, labels, of: 'error' });
    const scale = option.visualMap as { min: number; max: number; text: [string, string] };
    assert.deepEqual(
      [scale.min, scale.max].map((end) => end.toFixed(9)),
      ['-0.200000000', '0.200000000'],
    );
    assert.deepEqual(
      scale.text.map((text) => text.replace(/\s+/g, ' ')),
      ['lower error in rank 4, by up to 20.0 points', 'lower error in rank 2, by up to 20.0 points'],
    );
    const { formatter } = option.tooltip as unknown as {
      formatter: (found: { componentType: string; data: unknown }) => string;
    };
    const [{ data }] = option.series as [{ data: { index: number }[] }];
    const tip = formatter({ componentType: 'series', data: data.find(({ index }) => index === 1)! });
    assert.equal(
      tip.replaceAll('\u00a0', ' '),
      'b\nlower error in rank 2, by 5.00 points\nrank 2: error 10.0 % at rank 4\nrank 4: error 15.0 % at rank 2',
    );
    assert.equal(describeDifference(0, labels, 'rank'), 'the same rank in both');
    for (const scheme of ['light', 'dark'] as const) {
      const { differences, surface } = paletteOf(scheme);
      const [left, right] = [differences[0]!, differences.at(-1)!];
      // Without red and green, what remains is mostly the amount of blue.
      const blue = (colour: string): number => Number.parseInt(colour.slice(5), 16);
      assert.ok(blue(left) - blue(right) > 60, scheme);
      for (const end of [left, right]) assert.ok(contrast(end, surface) > 4.5, `${scheme}: ${end}`);
    }
  });

  it('compare only the modules that both results have', () => {
    const result = (name: string) => ({
      ...{
        name,
        rank: 4,
        relative_error: 0.1,
        optimal_error: null,
        energy_retained: 0.99,
        passthrough: false,
      },
    });
    const found = comparedModules([result('a'), result('b')], [result('c'), result('b')]);
    assert.deepEqual(
      found.map(({ name }) => name),
      ['b'],
    );
  });

  it('escape names, which never become markup', () => {
    const name = '<img src=x onerror=alert(1)>';
    const options = [
      spectraChart({ ...style, lines: spectraLines([spectrum(name, [1, 0.5])]), selected: name }),
      layerHeatMap({ ...style, modules: [{ name, value: 1 }], what: 'error' }),
    ];
    for (const option of options) {
      assert.equal((option.tooltip as { renderMode: string }).renderMode, 'richText');
      assert.ok(!drawn(option).includes('<img'));
    }
  });

  it('can be drawn without extent: no energy, one rank, one module', () => {
    const dead = [spectrum('a', [0]), spectrum('b', [0])];
    assert.deepEqual(curveOfSpectra(dead), [
      { rank: 1, relative_error: 0, module_relative_error: 0, worst_module_error: 0 },
    ]);
    for (const option of [
      rankCurveChart({ ...style, curve: curveOfSpectra(dead) }),
      spectraChart({ ...style, lines: spectraLines(dead) }),
      layerHeatMap({ ...style, modules: [{ name: 'a', value: 0 }], what: 'error' }),
      comparisonChart({ ...style, modules: [{ name: 'a', first: 0, second: 0 }], labels: ['x', 'y'] }),
      differenceMap({ ...style, modules: [compared('a', 0, 0)], labels: ['x', 'y'], of: 'rank' }),
      runTimeline({ ...style, run: { ...RUN, step: null } }),
      rankBands({ ...style, history: [], untilStep: 0, totalSteps: 100 }),
    ])
      assert.doesNotMatch(drawn(option), /NaN|undefined/);
  });

  it('say that an axis of sizes is logarithmic if one size is many times another', () => {
    const axisTo = (ranks: number) => {
      const uniform = Array.from({ length: ranks }, (_, index) => ({
        ...{ bytes: 1000 * (index + 1), error: 1 / (index + 1), words: `rank ${index + 1}` },
      }));
      return drawn(sizeCurveChart({ ...style, uniform, byModule: uniform, what: 'error' }));
    };
    assert.match(axisTo(32), /size of the factors, on a logarithmic scale/);
    assert.doesNotMatch(axisTo(8), /logarithmic/);
  });

  it('have the name below a line where there is room above the axis', () => {
    const uniform = Array.from({ length: 9 }, (_, index) => ({
      ...{ bytes: 1000 * (index + 1), error: 1 / (index + 1) ** 2, words: `rank ${index + 1}` },
    }));
    const { series } = sizeCurveChart({ ...style, uniform, byModule: uniform, what: 'error' });
    const [, , , name] = series as { data: [bytes: number, error: number][] }[];
    assert.deepEqual(name!.data, [[2000, 0.25]]);
  });

  it('draw selected modules last, so that no neighbour covers their frames', () => {
    const names = Array.from({ length: 4 }, (_, layer) => `layers.${layer}.q_proj`);
    const values = names.map((name) => ({ name, value: 0.5 }));
    const { series } = layerHeatMap({
      ...{ ...style, modules: values, what: 'error', selected: new Set(names.slice(0, 2)) },
    });
    assert.deepEqual(
      (series as { data: { name: string }[] }[])[0]!.data.map(({ name }) => name),
      [2, 3, 0, 1].map((layer) => names[layer]),
    );
  });

  it('place ranks by module at their mean, where one rank for all has the same size', () => {
    const source = [
      { name: 'large', rank: 4, shape: [300, 300] as [number, number] },
      { name: 'small', rank: 8, shape: [100, 100] as [number, number] },
    ];
    const pointOf = (large: number, small: number) => {
      const reached = [
        { name: 'large', rank: large },
        { name: 'small', rank: small },
      ];
      const rank = { min: Math.min(large, small), max: Math.max(large, small) };
      return resultPoint(
        { rank, relative_error: 0.2, module_relative_error: 0.1 },
        { modules: reached } as never,
        source,
      );
    };
    assert.deepEqual(pointOf(1, 7), { rank: 2.5, isMean: true, error: 0.1 });
    assert.deepEqual(pointOf(4, 6), { rank: 6, isMean: false, error: 0.1 }, 'no rank above its own');
    const named = (isMean: boolean) =>
      (
        rankCurveChart({ ...style, curve, results: [{ rank: 2, isMean, error: 0.1 }] }).series as {
          name: string;
        }[]
      ).at(-1)!.name;
    assert.deepEqual([named(true), named(false)], ['results, at their mean rank', 'results']);
  });

  it('draw a run from its first step, without superseded stages', () => {
    const series = runTimeline({ ...style, run: RUN }).series as { name?: string; data: number[][] }[];
    const reached = series.find(({ name }) => name === 'reached')!;
    assert.deepEqual(reached.data, [
      [0, 32],
      [800, 32],
      [800, 8],
      [800, 8],
    ]);
    const rates = series.at(-1)!.data;
    assert.deepEqual(rates.slice(0, 2), [
      [0, 1],
      [800, 1],
    ]);
    assert.deepEqual(rates.at(-1), [4000, 1.59]);
    const withLoss = { ...RUN, checkpoints: [{ ...checkpoint(800, 32, 8), loss: 1.5 }] };
    assert.ok(timelineHeight(withLoss) > timelineHeight(RUN));
    const losses = runTimeline({ ...style, run: withLoss }).series as { data: number[][] }[];
    assert.deepEqual(losses.at(-1)!.data, [[800, 1.5]]);
  });

  it('draw ranks by module as bands, joining neighbours with equal ranks', () => {
    const rows = rowsOf([...HISTORY[0]!.ranks.keys()]);
    assert.deepEqual(
      rows.map(({ name }) => name),
      ['layers.2.q', 'layers.10.q', 'layers.2.v'],
    );
    const found = bandsOf(rows, HISTORY, 900).map(({ from, to, top, bottom, rank }) => [
      ...[from, to, top, bottom, rank],
    ]);
    assert.deepEqual(found, [
      [0, 800, 0, 3, 8],
      [800, 900, 0, 1, 2],
      [800, 900, 1, 2, 1],
      [800, 900, 2, 3, 3],
    ]);
    const many = new Map(Array.from({ length: 4000 }, (_, index) => [`layers.${index}.q`, 8]));
    assert.equal(bandsOf(rowsOf([...many.keys()]), [{ step: 0, ranks: many }], 100).length, 1);
  });

  it('do not redraw the spectra for another rank: only the mark moves', () => {
    const lines = spectraLines(modules);
    const [two, three] = [2, 3].map(
      (rank) => spectraChart({ ...style, lines, rank }).series as { data: unknown; markLine?: unknown }[],
    );
    assert.equal(two!.length, three!.length);
    for (const [index, { data }] of two!.entries()) assert.equal(data, three![index]!.data, 'the same array');
    assert.notDeepEqual(two!.at(-1)!.markLine, three!.at(-1)!.markLine);
  });

  it('draw no more points than can be distinguished: 4,000 modules', () => {
    const many = Array.from({ length: 4000 }, (_, index) => spectrum(`layers.${index}.q_proj`, [1, 0.1]));
    assert.ok((spectraChart({ ...style, lines: spectraLines(many) }).series as unknown[]).length < 60);
    const map = layerHeatMap({
      ...style,
      what: 'error',
      modules: many.map(({ name }, index) => ({ name, value: index === 1234 ? 0.9 : 0.1 })),
    });
    const cells = (map.series as { data: { value: number[]; name: string }[] }[])[0]!.data;
    assert.ok(cells.length <= 256);
    assert.deepEqual(
      cells.filter(({ value }) => value[2] === 0.9).map(({ name }) => name),
      ['layers.1234.q_proj'],
      'the worst of those that share a place is the one that shows',
    );
  });
});

describe('curveOfSpectra', () => {
  it('is the square root of the lost energy', () => {
    const curve = curveOfSpectra([
      spectrum(
        'a',
        [3, 4].sort((x, y) => y - x),
      ),
      spectrum('b', [5]),
    ]);
    assert.equal(curve.length, 2);
    // 16 of 25 and 25 of 25 are kept, so 9 of 50 are lost.
    assert.ok(Math.abs(curve[0]!.relative_error - Math.sqrt(9 / 50)) < 1e-12);
    assert.ok(Math.abs(curve[0]!.worst_module_error - 3 / 5) < 1e-12);
    const uneven = curveOfSpectra([spectrum('a', [4, 3]), spectrum('b', [500])]);
    for (const [point] of [curve, uneven])
      assert.ok(Math.abs(point!.module_relative_error - Math.sqrt(9 / 25 / 2)) < 1e-12);
    assert.deepEqual(curve[1], {
      rank: 2,
      relative_error: 0,
      module_relative_error: 0,
      worst_module_error: 0,
    });
  });
});

/** Names of modules, as the libraries of their models write them. */
const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const MIXTRAL = range(4).flatMap((layer) => [
  ...['q_proj', 'k_proj'].map((name) => `model.layers.${layer}.self_attn.${name}`),
  ...range(8).flatMap((expert) =>
    ['w1', 'w2'].map((name) => `model.layers.${layer}.block_sparse_moe.experts.${expert}.${name}`),
  ),
]);
const CONVNEXT = [3, 3, 9, 3].flatMap((blocks, stage) =>
  range(blocks).flatMap((block) =>
    ['fc1', 'fc2'].map((name) => `stages.${stage}.blocks.${block}.mlp.${name}`),
  ),
);
const STABLE_DIFFUSION = [
  'down_blocks_0',
  'down_blocks_1',
  'mid_block',
  'up_blocks_1',
  'up_blocks_2',
].flatMap((block) =>
  range(block === 'mid_block' ? 1 : 2).flatMap((attention) =>
    ['attn1_to_k', 'attn1_to_out_0', 'attn2_to_k', 'attn2_to_out_0'].map(
      (name) => `lora_unet_${block}_attentions_${attention}_transformer_blocks_0_${name}`,
    ),
  ),
);

describe('modulePlaces', () => {
  it('finds the layer in a name, however many levels of a model are numbered', () => {
    const cases: [names: string[], of: string, layer: string, projection: string][] = [
      [['transformer.h.11.attn.c_attn'], 'transformer.h.11.attn.c_attn', 'transformer.h.11', 'attn.c_attn'],
      [MIXTRAL, MIXTRAL.at(-1)!, 'model.layers.3', 'block_sparse_moe.experts.7.w2'],
      [CONVNEXT, 'stages.2.blocks.5.mlp.fc1', 'stages.2.blocks.5', 'mlp.fc1'],
      [
        STABLE_DIFFUSION,
        'lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_out_0',
        'lora_unet_mid_block_attentions_0_transformer_blocks_0',
        'attn1_to_out_0',
      ],
      [['lm_head', 'unet:12'], 'lm_head', '', 'lm_head'],
      [['lm_head', 'unet:12'], 'unet:12', '', 'unet:12'],
      [[''], '', '', ''],
    ];
    for (const [names, of, layer, projection] of cases)
      assert.deepEqual(modulePlaces(names)[names.indexOf(of)], { layer, projection });
    assert.deepEqual(modulePlaces([]), []);
  });

  it('fills the map: no layer lacks a projection that the others have', () => {
    for (const names of [MIXTRAL, CONVNEXT, STABLE_DIFFUSION]) {
      const { rows, columns, places } = moduleGrid(names);
      assert.equal(rows.length * columns.length, names.length);
      assert.equal(new Set(places.map(({ row, column }) => `${row} ${column}`)).size, names.length);
    }
  });

  it('arranges modules that are only numbered in rows, each in a cell of its own', () => {
    const names = [...range(144).map((index) => `unet:${index}`), ...range(48).map((index) => `te:${index}`)];
    const { rows, columns, places } = moduleGrid(names);
    assert.equal(columns.length, 16);
    assert.deepEqual(rows.slice(0, 4), ['te 0–15', 'te 16–31', 'te 32–47', 'unet 0–15']);
    assert.equal(new Set(places.map(({ row, column }) => `${row} ${column}`)).size, names.length);
    assert.deepEqual(places[37], { row: 5, column: 5 });
  });

  it('labels layers by the parts in which they differ', () => {
    const labels = (names: readonly string[]) => layerLabels(moduleGrid(names).columns);
    assert.deepEqual(labels(MIXTRAL), ['0', '1', '2', '3']);
    assert.deepEqual(labels(CONVNEXT).slice(0, 4), ['0.0', '0.1', '0.2', '1.0']);
    const ofBlocks = [
      'down 0.0',
      'down 0.1',
      'down 1.0',
      'down 1.1',
      'mid',
      'up 1.0',
      'up 1.1',
      'up 2.0',
      'up 2.1',
    ];
    assert.deepEqual(labels(STABLE_DIFFUSION), ofBlocks);
    assert.deepEqual(layerLabels(['model.layers.7']), ['7']);
    assert.deepEqual(layerLabels(['']), ['']);
  });

  it('shortens labels only by whole parts', () => {
    assert.deepEqual(withoutCommonStart(['h.10', 'h.11']), ['10', '11']);
    assert.deepEqual(withoutCommonStart(['down_blocks.0', 'up_blocks.0']), ['down_blocks.0', 'up_blocks.0']);
    assert.deepEqual(withoutCommonStart(['model.layers.7']), ['7']);
  });
});

describe('labels of a heat map', () => {
  const projections = ['to_k', 'to_q', 'to_v', 'to_out.0'];
  /** The rows of a Stable Diffusion adapter, as its U-Net names them. */
  const rows = ['attentions.0.', 'attentions.1.', 'attentions.2.', ''].flatMap((block) =>
    [1, 2].flatMap((attention) =>
      projections.map((projection) => `${block}transformer_blocks.0.attn${attention}.${projection}`),
    ),
  );
  const modules = rows.flatMap((row) =>
    ['down_blocks.0', 'down_blocks.1', 'mid_block.attentions.0', 'up_blocks.1', 'up_blocks.2'].map(
      (layer) => ({ name: `${layer}.${row}`, value: 0.5 }),
    ),
  );
  const lettersOf = (svg: string): string[] =>
    [...svg.matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map(([, text]) => text!);

  for (const isWide of [false, true]) {
    it(`are complete and all different: Stable Diffusion, ${isWide ? 'wide' : 'narrow'}`, () => {
      const option = layerHeatMap({ palette: paletteOf('light'), modules, what: 'error', isWide });
      const chart = init(null, null, {
        renderer: 'svg',
        ssr: true,
        width: isWide ? 1100 : 560,
        height: 860,
      });
      chart.setOption({ ...option, animation: false });
      const shown = lettersOf(chart.renderToSVGString());
      chart.dispose();
      const ofRows = shown.filter((text) => text.includes('attn'));
      assert.equal(ofRows.length, rows.length);
      assert.equal(new Set(ofRows).size, rows.length, ofRows.join('\n'));
      assert.equal(
        shown.filter((text) => /^(?:down|mid|up)(?: \d)?$/.test(text)).length,
        5,
        shown.join('\n'),
      );
    });
  }

  it('remain distinct in the two lines of a table, as whole names', () => {
    for (const most of [34, 52]) {
      const labels = distinctLabels(
        modules.map(({ name }) => name),
        most,
      );
      assert.equal(new Set(labels).size, modules.length);
      assert.ok(labels.every(({ length }) => length <= most + 8));
    }
  });

  it('place the middle block of SDXL, which has one number less, in rows of the others', () => {
    const blocks = [
      ...[0, 1].map((index) => `down_blocks.1.attentions.${index}.transformer_blocks.0`),
      'mid_block.attentions.0.transformer_blocks.9',
      'up_blocks.0.attentions.1.transformer_blocks.0',
    ];
    const projections = ['attn1.to_k', 'ff.net.0.proj', 'ff.net.2'];
    const names = blocks.flatMap((block) => projections.map((projection) => `${block}.${projection}`));
    for (const paths of [names, names.map((name) => `lora_unet_${name.replaceAll('.', '_')}`)]) {
      const { rows, columns } = moduleGrid(paths);
      assert.deepEqual([rows.length, columns.length], [projections.length, blocks.length], String(rows));
    }
  });

  it('omit their common parts first, then their first parts, and then cut the longest parts', () => {
    assert.deepEqual(distinctLabels(['a.long_common_part.q', 'b.long_common_part.q'], 12), ['a', 'b']);
    assert.deepEqual(distinctLabels(['attn.q', 'attn.v'], 12), ['attn.q', 'attn.v'], 'where there is room');
    assert.deepEqual(distinctLabels(['block_sparse_moe.experts.7.w1', 'self_attn.q_proj'], 20), [
      'experts.7.w1',
      'self_attn.q_proj',
    ]);
    assert.deepEqual(
      distinctLabels(['decoder.layers.self_attn.q', 'encoder.layers.self_attn.q', 'down_proj'], 20),
      ['deco….layers.self….q', 'enco….layers.self….q', 'down_proj'],
      'the first parts distinguish them',
    );
    const kohya = distinctLabels(
      rows.map((row) => row.replaceAll('.', '_')),
      20,
    );
    assert.equal(new Set(kohya).size, rows.length);
  });

  it('remain distinct if only their ends differ, and if they have no common end', () => {
    const twins = distinctLabels([`${'a'.repeat(30)}1`, `${'a'.repeat(30)}2`], 20);
    assert.notEqual(twins[0], twins[1]);
    const endless = distinctLabels(['x.y'.repeat(500), 'z'.repeat(5000), '', '.', '...'], 20);
    for (const label of endless) assert.ok(label.length <= 64, label);
  });
});

describe('numbers in words', () => {
  it('have three digits and a unit', () => {
    const cases: [number, string][] = [
      [0, '0\u00a0B'],
      [999, '999\u00a0B'],
      [1000, '1.00\u00a0kB'],
      [999_600, '1.00\u00a0MB'],
      [1_630_000, '1.63\u00a0MB'],
      [320_000_000, '320\u00a0MB'],
      [11_000_000_000, '11.0\u00a0GB'],
      [-1500, '−1.50\u00a0kB'],
    ];
    for (const [bytes, words] of cases) assert.equal(formatBytes(bytes), words);
  });

  it('do not round a small share to nothing, or nearly everything to everything', () => {
    const cases: [number, string][] = [
      [0, '0\u00a0%'],
      [1, '100\u00a0%'],
      [0.113, '11.3\u00a0%'],
      [0.0042, '0.42\u00a0%'],
      [1e-6, '<\u00a00.01\u00a0%'],
      [9e-9, '0\u00a0%'],
      [0.9995, '99.95\u00a0%'],
      [0.99999, '>\u00a099.99\u00a0%'],
      [1 - 1e-9, '100\u00a0%'],
    ];
    for (const [share, words] of cases) assert.equal(formatPercent(share), words);
  });

  it('describe the outcome of a squeeze in a sentence', () => {
    const cases: [SqueezedSize, string][] = [
      [
        { rank: { min: 4, max: 4 }, bytes: 1_631_344, bytesBefore: 3_253_504, energy: 0.98716 },
        'Rank 4 halves the size and keeps 98.7\u00a0% of the update.',
      ],
      [
        { rank: { min: 1, max: 8 }, bytes: 250, bytesBefore: 1000, energy: 0.9 },
        'Ranks 1–8 cut the size to 25.0\u00a0% and keep 90.0\u00a0% of the update.',
      ],
      [
        { rank: { min: 8, max: 8 }, bytes: 1000, bytesBefore: 1000, energy: 1 },
        'Rank 8 saves no space and keeps all of the update.',
      ],
    ];
    for (const [size, words] of cases) assert.equal(describeSqueeze(size), words);
  });

  it('shorten a path to its end', () => {
    assert.equal(truncateStart('abcdefghij', 5), '…ghij');
    assert.equal(truncateStart('abc', 5), 'abc');
  });
});

/** WCAG 2.2: (L₁ + 0.05) / (L₂ + 0.05) of the relative luminances. */
function contrast(one: string, other: string): number {
  const [high, low] = [luminance(one), luminance(other)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

function luminance(hex: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
