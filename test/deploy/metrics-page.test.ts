import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { metricsPage } from '../../scripts/metrics-page.ts';
import { Metrics } from '../../src/metrics/metrics.ts';

const families = new Metrics({ version: '1.2.3' }).families();

describe('docs/metrics.md', () => {
  it('is generated from the registry (npx tsx scripts/write-metrics.ts)', () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/metrics.md'), 'utf8');
    assert.equal(page, metricsPage(families));
  });

  it('has a row for every metric that is scraped', async () => {
    const text = await new Metrics({ version: '1.2.3' }).render();
    const scraped = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`);
    assert.deepEqual(families.map(({ name, type }) => `${name} ${type}`).sort(), scraped.sort());
  });

  it('cannot be generated if a metric belongs to no table', () => {
    const stray = { name: 'stray_total', type: 'counter', help: 'x', labels: [] };
    assert.throws(() => metricsPage([...families, stray]), /no table for stray_total/);
  });
});
