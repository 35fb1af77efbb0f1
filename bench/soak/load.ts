import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { succeededResults } from '../../src/charts/succeeded-targets.ts';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import { PatientClient } from '../../test/chaos/patient-client.ts';
import { adapterForm, readAdapterFiles } from '../../test/e2e/client.ts';
import { fixtureAdapters } from '../../test/e2e/fixtures.ts';

/** How long a client listens to events, and how long after its start a job is cancelled. */
const LISTEN_MS = 2_000;
const CANCEL_AFTER_MS = 20;

/**
 * What clients do, in rounds that leave as much behind as they found: an adapter is uploaded, squeezed, watched, read
 * and listed; another job is cancelled; an upload breaks off; everything is deleted.
 */
export class SoakLoad {
  rounds = 0;
  private readonly client: PatientClient;
  private readonly weights: Uint8Array;
  private readonly config: Record<string, unknown>;

  constructor(url: string) {
    this.client = new PatientClient(url);
    const { weights, config } = readAdapterFiles(
      fixtureAdapters().find(({ name }) => name === 'peft-gpt2-niket')!.dir,
    );
    this.weights = weights;
    this.config = JSON.parse(Buffer.from(config as Uint8Array).toString('utf8')) as Record<string, unknown>;
  }

  /** @param isOver called before each round */
  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await this.round();
      this.rounds++;
    }
  }

  private async round(): Promise<void> {
    const adapter = await this.upload();
    await this.breakOff();
    const [done, cancelled] = await Promise.all([
      this.submit(adapter.id, 2).then(({ id }) => this.watched(id)),
      this.submit(adapter.id, 3).then(({ id }) => this.cancelled(id)),
    ]);
    for (const path of [
      '/v1/jobs?limit=20',
      '/v1/adapters?limit=20',
      '/v1/usage',
      `/v1/jobs/${done.id}/report`,
    ])
      await this.client.json(path);
    const made = [...succeededResults(done), ...succeededResults(cancelled)].map(
      ({ adapter_id }) => adapter_id,
    );
    for (const id of new Set([...made, adapter.id])) {
      await this.client.bytes(`/v1/adapters/${id}/archive`);
      await this.remove(`/v1/adapters/${id}`);
    }
    for (const { id } of [done, cancelled]) await this.remove(`/v1/jobs/${id}`);
  }

  /** A different adapter in each round: only its configuration differs. */
  private async upload(): Promise<AdapterRecord> {
    const config = JSON.stringify({ ...this.config, revision: `soak-${this.rounds}` });
    const response = await this.client.postAdapter({ weights: this.weights, config });
    const text = await response.text();
    assert.equal(response.status, 201, text);
    return JSON.parse(text) as AdapterRecord;
  }

  private async breakOff(): Promise<void> {
    const controller = new AbortController();
    const body = adapterForm({ weights: this.weights });
    const sent = this.client.fetch('/v1/adapters', { method: 'POST', body, signal: controller.signal });
    setTimeout(() => controller.abort(), 5);
    await sent.then((response) => response.text()).catch(() => undefined);
  }

  private async submit(adapterId: string, rank: number): Promise<JobRecord> {
    const request = { kind: 'squeeze', adapter_id: adapterId, targets: [{ rank }] };
    const response = await this.client.postJob(request);
    const text = await response.text();
    assert.equal(response.status, 202, text);
    return JSON.parse(text) as JobRecord;
  }

  /** Listens to a job's events for a while, then disconnects without notice. */
  private async watched(id: string): Promise<JobRecord> {
    const controller = new AbortController();
    const response = await this.client.fetch(`/v1/jobs/${id}/events`, { signal: controller.signal });
    const listening = response.text().catch(() => '');
    const job = await this.client.finished(id);
    assert.equal(job.state, 'succeeded', JSON.stringify(job.error));
    await Promise.race([listening, sleep(LISTEN_MS)]);
    controller.abort();
    return job;
  }

  private async cancelled(id: string): Promise<JobRecord> {
    await sleep(CANCEL_AFTER_MS);
    const response = await this.client.fetch(`/v1/jobs/${id}/cancel`, { method: 'POST' });
    await response.text();
    return this.client.finished(id);
  }

  private async remove(path: string): Promise<void> {
    const response = await this.client.fetch(path, { method: 'DELETE' });
    const text = await response.text();
    assert.equal(response.status, 204, `${path}: ${text}`);
  }
}
