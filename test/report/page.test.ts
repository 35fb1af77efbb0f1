import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { formatPercent } from '../../src/charts/format.ts';
import { succeededResults, succeededTargets } from '../../src/charts/succeeded-targets.ts';
import { MAX_TABLE_ROWS } from '../../src/report/page/modules.ts';
import { type ReportPage, reportPage } from '../../src/report/page/page.ts';
import { assertSelfContained, elementsOf, textOf } from './markup.ts';
import { buildReportInput, layerName } from './report-inputs.ts';

const HOSTILE = [
  '<script>alert(1)</script>',
  `"'><img src=x onerror=alert(1)>`,
  '\u202Elayers.3.evil\u2066',
  `layers.4.${'x'.repeat(10_000)}`,
  'שלום.עולם.3.q',
  'a\0b\nc\ud800',
  ']]></style></svg><script>1</script>',
  'layers.1.<b>q</b>',
  'layers.2.&amp;&lt;',
  'layers.5.`$`{{x}}',
  'style="x" class="zr0-cls-1" fill="red"',
];

const rowsOf = (page: string, table: string): number => {
  const at = page.indexOf(`aria-label="${table}: table"`);
  return page.slice(at, page.indexOf('</table>', at)).split('<tr>').length - 2;
};

/** As `textOf` shows it. */
const percent = (share: number): string => formatPercent(share).replaceAll('\u00a0', ' ');

describe('the page of a squeeze', () => {
  const input = buildReportInput({
    modules: 60,
    rank: 32,
    targets: [
      { rank: 8, profile: 'vllm' },
      { rank: 16, scale: 'keep' },
    ],
    warnings: ['The scale is ignored there.'],
  });
  const { text: page } = reportPage(input, true);
  const text = textOf(page);

  it('is self-contained', () => {
    assertSelfContained(page);
    assert.match(page, /^<!doctype html>\n<html lang="en">/);
    assert.equal(elementsOf(page).filter(({ tag }) => tag === 'h1').length, 1);
  });

  it('shows sources and results', () => {
    const { report, job } = input;
    for (const expected of [
      report.job_id,
      report.sources[0]!.id,
      report.sources[0]!.sha256,
      'example/base-7b',
      ...succeededResults(job).map(({ adapter_id: id }) => id),
      'rank 8',
      'rank 16',
      'scale: keep',
      'The scale is ignored there.',
      'The error is of ΔW, not of what a model says.',
      'ONNX Runtime 1.30.0',
      'LoRA-Squeeze 0.1.0',
      'cpu, 2 threads; CUDA was not available',
      'rsvd was requested',
      'Gram matrices 1.50 s',
    ])
      assert.ok(text.includes(expected), expected);
    assert.ok(!text.includes(report.provider.fallback_reason!), 'what a library says is in the JSON');
  });

  it('of a result of an older version omits what that does not have', () => {
    const results = succeededResults(input.job).map(
      ({ module_relative_error: _mean, module_energy_retained: _kept, expected_loss: _loss, ...old }) => old,
    );
    const job = { ...input.job, results: results.slice(0, 1) };
    const old = textOf(reportPage({ ...input, job }, true).text);
    assert.match(old, new RegExp(`Relative error ${(100 * results[0]!.relative_error).toFixed(1)}`));
    assert.doesNotMatch(old, /NaN|undefined/);
  });

  it('shows the verdict rule by rule', () => {
    assert.match(text, /rank 8: does not load in vllm/);
    assert.match(
      text,
      /max-rank yes Rank 8; 64 is allowed\. base-model no The configuration names no base model\./,
    );
  });

  it('names the setting that the server needs for the rank', () => {
    const [first] = succeededResults(input.job);
    const loading = { ...first!, rank: { min: 24, max: 24 }, serving: { ...first!.serving!, loads: true } };
    const page = reportPage({ ...input, job: { ...input.job, results: [loading] } }, true);
    assert.match(textOf(page.text), /rank 8: loads in vllm with --max-lora-rank 32/);
  });

  it('has the same errors as the report', () => {
    for (const { relative_error: whole, module_relative_error: mean } of succeededTargets(input.report))
      for (const error of [whole, mean!]) assert.ok(text.includes(percent(error)), String(error));
    assert.equal(rowsOf(page, 'Modules'), 60);
    // In the order of the model: layer 2 before layer 10.
    const table = page.slice(page.indexOf('aria-label="Modules: table"'));
    const names = [...table.matchAll(/<th scope="row"><bdi><code>([^<]+)/g)].map(([, name]) => name!);
    const { compare } = new Intl.Collator('en', { numeric: true });
    assert.deepEqual(names, [...names].sort(compare));
  });

  it('begins with the outcome of each target, in a sentence', () => {
    for (const { rank, energy_retained: energy } of succeededResults(input.job)) {
      const ranks = rank.min === rank.max ? `Rank ${rank.min}` : `Ranks ${rank.min}–${rank.max}`;
      const kept = `${percent(energy)} of the update.`;
      assert.match(text, new RegExp(`${ranks} [a-z0-9. %]+ and keeps? ${kept.replace('.', '\\.')}`));
    }
  });

  it('has the charts, each with a name and a caption', () => {
    const labelled = elementsOf(page).filter(
      ({ tag, attributes }) => tag === 'svg' && attributes.get('role') === 'img',
    );
    assert.equal(
      labelled.length,
      2 + 2 + 1 + 3,
      'error, sizes; two heat maps; their difference; three spectra',
    );
    assert.equal(page.split('<figcaption>').length - 1, labelled.length);
  });

  it('shows where results differ, in their errors and, if a sentence would not do, in their ranks', () => {
    assert.match(text, /Where the results differ Difference of the relative errors: rank 8 and rank 16/);
    assert.doesNotMatch(text, /Difference of the ranks/);
    const [first, second] = succeededTargets(input.report);
    const modules = second!.modules.map((module, index) => ({ ...module, rank: index % 2 === 0 ? 4 : 16 }));
    const report = { ...input.report, targets: [first!, { ...second!, modules }] };
    const other = textOf(reportPage({ ...input, report }, true).text);
    assert.match(other, /Of 60 modules, 30 have a lower rank in rank 8 and 30 in rank 16\./);
    const alone = buildReportInput({ modules: 6 });
    assert.doesNotMatch(textOf(reportPage(alone, true).text), /Where the results differ/);
  });

  it('has the digest of its style in its content security policy, which allows no script', () => {
    const { text: again, policy } = reportPage(input, true);
    assert.equal(again, page, 'the same every time');
    const style = /<style>([\s\S]*?)<\/style>/.exec(page)![1]!;
    const digest = createHash('sha256').update(style).digest('base64');
    assert.ok(policy.includes(`style-src 'sha256-${digest}'`));
    assert.match(policy, /^default-src 'none';/);
    assert.ok(!/unsafe|script-src|https?:/.test(policy));
    assert.ok(page.includes(`content="${policy.replace("; frame-ancestors 'none'", '')}"`));
  });

  it('is dark for readers who prefer that, but never on paper', () => {
    const style = /<style>([\s\S]*?)<\/style>/.exec(page)![1]!;
    const dark = style.slice(
      style.indexOf('@media screen and (prefers-color-scheme:dark)'),
      style.indexOf('@media print'),
    );
    for (const id of ['chart-error', 'chart-size', 'chart-heat-0', 'chart-heat-1', 'chart-spectrum-0'])
      assert.ok(dark.includes(`#${id} [fill="#ffffff"]{fill:#161c27}`), id);
  });

  it('links to the JSON only if the service serves it', () => {
    assert.ok(page.includes(`href="/v1/jobs/${input.report.job_id}/report"`));
    const { text: file } = reportPage(input, false);
    assertSelfContained(file);
    assert.ok(!file.includes('<a '));
    assert.ok(textOf(file).includes(`GET /v1/jobs/${input.report.job_id}/report`));
  });
});

describe('the pages of other jobs', () => {
  it('show the analysis', () => {
    const { text: page } = reportPage(buildReportInput({ modules: 30, kind: 'analyze' }), true);
    assertSelfContained(page);
    const text = textOf(page);
    for (const expected of [
      'Analysis of a LoRA adapter for example/base-7b',
      '{"rank":4}',
      '10 compressible',
      '10 resists',
      '10 dead',
      'Effective rank',
      'rank 4, recommended',
    ])
      assert.ok(text.includes(expected), expected);
    assert.ok(!text.includes('Does it load?') && !text.includes('Files of the results'));
  });

  it('name the sources of a merge with their weights', () => {
    const { text: page } = reportPage(buildReportInput({ modules: 10, kind: 'merge', sources: 9 }), true);
    assertSelfContained(page);
    assert.match(textOf(page), /Merge of 9 LoRA adapters/);
    assert.equal(rowsOf(page, 'Sources'), 9);
    assert.match(textOf(page), /ad_3+ 0\.5/);
  });

  it('show the properties of adapters that still exist', () => {
    const input = buildReportInput({ modules: 3 });
    const { text: without } = reportPage(input, true);
    assert.match(textOf(without), /no longer here/);
    const record = {
      id: succeededResults(input.job)[0]!.adapter_id,
      sha256: 'ab'.repeat(32),
      format: 'peft',
      ranks: { min: 1, max: 8 },
    };
    const { text: page } = reportPage({ ...input, adapters: [record as never] }, true);
    assert.ok(textOf(page).includes('ab'.repeat(32)));
  });

  it('can show modules without an update, of one rank, and none at all', () => {
    const input = buildReportInput({ modules: 2, rank: 1, targets: [{ rank: 1 }] });
    const dead = { ...input.report.modules[0]!, energy: 0, singular_values: [0], energy_curve: [1] };
    const report = { ...input.report, modules: [dead, input.report.modules[1]!] };
    for (const modules of [report.modules, []]) {
      const { text: page } = reportPage({ ...input, report: { ...report, modules } }, true);
      assertSelfContained(page);
      assert.ok(!/NaN|undefined|Infinity/.test(page));
    }
  });
});

describe('hostile names', () => {
  const input = buildReportInput({
    modules: 3 * HOSTILE.length,
    nameOf: (index) => HOSTILE[index % HOSTILE.length]! + (index < HOSTILE.length ? '' : index),
    baseModel: HOSTILE[1]!,
    warnings: HOSTILE,
    targets: [{ rank: 4, profile: HOSTILE[0]! }],
  });

  it('are escaped', () => {
    const { text: page } = reportPage(input, true);
    assertSelfContained(page);
    const text = textOf(page);
    for (const name of [
      HOSTILE[0]!,
      HOSTILE[1]!,
      HOSTILE[7]!,
      'layers.2.&amp;&lt;',
      '⟨U+202E⟩layers.3.evil⟨U+2066⟩',
      'a⟨U+0000⟩b⟨U+000A⟩c⟨U+D800⟩',
    ])
      assert.ok(text.includes(name), name);
    assert.ok(!/[\u202a-\u202e\u2066-\u2069\0]/.test(page));
    assert.equal(Buffer.from(page).toString('utf8'), page, 'no halves of surrogate pairs');
    assert.ok(page.length < 300_000);
  });

  it('are escaped in all other places too', () => {
    for (const evil of HOSTILE) {
      const report = {
        ...input.report,
        notes: [evil],
        provider: { ...input.report.provider, fallback_reason: evil },
        method: { ...input.report.method, requested: evil },
      };
      assertSelfContained(reportPage({ ...input, report }, true).text);
    }
    const analysis = buildReportInput({
      modules: HOSTILE.length,
      kind: 'analyze',
      nameOf: (index) => HOSTILE[index]!,
    });
    assertSelfContained(reportPage(analysis, false).text);
  });
});

describe('a page of 4,000 modules', () => {
  const sizes = (made: ReportPage): number => Buffer.byteLength(made.text);

  it('is smaller than 2 MB, with a table of the worst modules and a note', () => {
    const input = buildReportInput({
      modules: 4000,
      rank: 64,
      targets: [{ rank: 8 }, { rank: 16 }, { rank: 32 }],
    });
    const made = reportPage(input, true);
    assertSelfContained(made.text);
    assert.ok(sizes(made) < 2e6, String(sizes(made)));
    assert.equal(rowsOf(made.text, 'Modules'), MAX_TABLE_ROWS);
    assert.match(textOf(made.text), /3,500 more modules are not in this table/);
  });

  it('is equally small with experts and with names of 10,000 characters', () => {
    for (const nameOf of [
      (index: number) => `model.layers.${index % 8}.mlp.experts.${index >> 3}.down_proj`,
      (index: number) => `${layerName(index)}.${'é'.repeat(10_000)}${index}`,
    ]) {
      const made = reportPage(
        buildReportInput({ modules: 4000, rank: 4, nameOf, targets: Array(16).fill({ rank: 2 }) }),
        true,
      );
      assert.ok(sizes(made) < 2e6, String(sizes(made)));
      assert.match(textOf(made.text), /12 more results are not in this table/);
    }
  });
});
