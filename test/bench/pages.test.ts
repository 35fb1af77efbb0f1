import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { llamaAdapter, squareAdapter } from '../../bench/adapter/adapter-spec.ts';
import { throughputPage } from '../../bench/concurrency/throughput-page.ts';
import { parseOptions } from '../../bench/options.ts';
import { withAdapter } from '../../bench/parts/context.ts';
import { peersPage } from '../../bench/peers/peers-page.ts';
import type { PeerRun } from '../../bench/peers/run-peers.ts';
import type { ServiceMeasurement } from '../../bench/service/measure-service.ts';

const timings = (total: number) => ({
  queue_wait: 0.01,
  load: 0.2,
  gram: 0.2,
  core: 0.2,
  project: 0.2,
  write: 0.2,
  total,
});
const ours = (seconds: number): ServiceMeasurement => ({
  uploadSeconds: 1,
  cold: timings(2 * seconds),
  warm: [timings(seconds), timings(3 * seconds), timings(seconds)],
  clientSeconds: [1.25 * seconds],
  computePeakBytes: 400e6,
  apiPeakBytes: 150e6,
  livezMs: [1, 2, 3],
  relativeError: 0.36,
  resultBytes: 80e6,
  provider: { name: 'cpu', requested: 'auto', threads: 2, onnxruntime: '1.30.0', fallback_reason: null },
});
const peer = (total: number, measured = 224): PeerRun => ({
  load: 0.1,
  compute: total - 0.2,
  save: 0.1,
  total,
  measured: total,
  modules_measured: measured,
  modules: 224,
  peak_bytes: 800e6,
  library: 'torch 2.6.0',
  program: total + 1,
});
const row = (page: string, start: string): string[] =>
  page
    .split('\n')
    .filter((line) => line.startsWith(`| ${start} `))
    .map((line) => line.replace(/ +/g, ' '));

describe('bench: page of the peers', () => {
  const measured = {
    rank: 16,
    spec: llamaAdapter(64),
    ours: new Map([
      ['rsvd', ours(1)],
      ['exact', ours(2)],
    ]),
    scores: new Map(),
  };

  it('shows the median ratio of each peer to each of our methods', () => {
    const peers = new Map([['torch: slow', [peer(40)]]]);
    const [comparison, ratios] = row(peersPage({ ...measured, peers }), 'torch: slow');
    assert.match(comparison!, /\| 40\.00 \| 40\.00–40\.00 \| 41\.00 \| 1 \| 800 \|/);
    // Time, program, peak: 40/1, 41/1.25, 800/400; then 40/2, 41/2.5, 800/400.
    assert.equal(ratios, '| torch: slow | 40 | 33 | 2.00 | 20 | 16 | 2.00 |');
  });

  it('states clearly what was not run to completion', () => {
    const peers = new Map([
      ['torch: peft', [peer(3000, 2)]],
      ['torch: fast', [peer(1), peer(2), peer(3)]],
    ]);
    const page = peersPage({ ...measured, peers });
    assert.match(page, /\*\*torch: peft was not run to the end\*\*: it squeezed 2 of 224 modules/);
    assert.doesNotMatch(page, /torch: fast was not/);
    const [comparison, ratios] = row(page, 'torch: peft');
    assert.match(comparison!, /≈ 3000 .*sampled/);
    assert.match(ratios!, /≈ 3000/);
    assert.match(row(page, 'torch: fast')[0]!, /\| 2\.00 \| 1\.00–3\.00 \|/);
  });

  it('can be written without peers', () => {
    const page = peersPage({ ...measured, peers: new Map() });
    assert.doesNotMatch(page, /How many times|NaN|undefined/);
    assert.match(page, /not judged in this run/);
  });
});

describe('bench: page of concurrency', () => {
  it('compares with one job at a time', () => {
    const at = (atOnce: number, seconds: number) => ({
      atOnce,
      threads: 2 / atOnce,
      jobs: 12,
      seconds,
      jobSeconds: [0.5, 0.5],
      peakBytes: 200e6,
    });
    const page = throughputPage(llamaAdapter(16), 80e6, 8, [at(1, 12), at(2, 8)]);
    assert.deepEqual(row(page, '1'), ['| 1 | 2 | 60 | 80 | 1.00 | 0.50 | 200 |']);
    assert.deepEqual(row(page, '2'), ['| 2 | 1 | 90 | 120 | 1.50 | 0.50 | 200 |']);
  });
});

describe('bench: borrowed adapters', () => {
  const context = (homeDir: string) => ({
    options: parseOptions([])!,
    homeDir,
    repositoryDir: homeDir,
    say: () => {},
  });

  it('are created for their user, and small ones are kept', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'bench-loan-'));
    try {
      const use = async (path: string) => {
        assert.ok(existsSync(join(path, 'adapter_model.safetensors')));
        return path;
      };
      const path = await withAdapter(context(dir), squareAdapter(2, 64, 4), 1, use);
      assert.ok(existsSync(path));
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

  it('are refused before anything is written if the disk is too small', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'bench-loan-'));
    try {
      const enormous = { ...squareAdapter(1, 2 ** 40, 2 ** 10), name: 'enormous' };
      await assert.rejects(
        withAdapter(context(dir), enormous, 1, () => assert.fail('used')),
        /enormous needs [\d.]+ GB of free disk/,
      );
      assert.ok(!existsSync(join(dir, 'adapters')));
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
