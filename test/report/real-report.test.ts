import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { ReportForm } from '../../src/report/render.ts';
import { Renderer } from '../../src/report/renderer.ts';
import { computeFixture } from '../squeeze/compute-fixture.ts';
import { squeezing } from '../squeeze/make-adapter.ts';
import { decodePng } from './decode-png.ts';
import { assertSelfContained, textOf } from './markup.ts';
import { jobOf } from './report-inputs.ts';

const compute = computeFixture();
const GPT2 = join(import.meta.dirname, '../fixtures/adapters/peft-gpt2-mycguo');

describe('the report of a trained adapter', () => {
  it('is drawn in a thread from the report of a squeeze', async () => {
    const renderer = new Renderer();
    const targets = [{ rank: 2, profile: 'vllm' }, { energy: 0.9 }];
    try {
      await squeezing(compute.pool, GPT2, { targets, options: { method: 'exact' } }, async (outcome) => {
        const results = outcome.targets.map(({ result }, index) => ({
          ...result,
          adapter_id: `ad_${index}`,
        }));
        const content = { ...outcome.report, job_id: 'job_1' };
        const job = jobOf(content, results);
        const report = Buffer.from(JSON.stringify(content));
        const rendered = async (form: ReportForm): Promise<Buffer> =>
          Buffer.from((await renderer.render(async () => ({ form, report, job, adapters: [] }))).bytes);

        const page = (await rendered({ as: 'html', isServed: true })).toString();
        assertSelfContained(page);
        const text = textOf(page);
        for (const { result } of outcome.targets) {
          assert.ok(text.includes(`${(100 * result.relative_error).toFixed(1)} %`));
          assert.ok(text.includes(result.worst_module!.name));
        }
        for (const { name } of outcome.report.modules) assert.ok(text.includes(name), name);
        for (const { rule } of results[0]!.serving!.rules) assert.ok(text.includes(rule), rule);
        assert.match(text, /c_attn/);
        assert.equal(decodePng(await rendered({ as: 'png', figure: 'heatmap' })).width, 1200);
      });
    } finally {
      await renderer.close();
    }
  });

  it('fails with the error of its dependency, and the next one is drawn', async () => {
    const renderer = new Renderer();
    try {
      await assert.rejects(
        renderer.render(() => Promise.reject(new Error('gone'))),
        /gone/,
      );
      const bad = {
        form: { as: 'html', isServed: true } as const,
        report: Buffer.from('{'),
        job: {} as never,
        adapters: [],
      };
      await assert.rejects(
        renderer.render(async () => bad),
        { code: 'INTERNAL' },
      );
    } finally {
      await renderer.close();
    }
    await assert.rejects(
      renderer.render(async () => ({}) as never),
      /closed/,
    );
  });
});
