import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CheckpointRecord, RunRecord, RunRequest } from '../../src/contract/run.ts';
import { gaussianMatrix } from '../oracle/known-matrices.ts';
import { CONFIG, WEIGHTS } from '../oracle/peft-adapter.ts';
import { buildSafetensors, decodeTensor, float32Tensor, parseSafetensors } from '../oracle/safetensors.ts';
import { type AdapterFiles, adapterForm, type Client } from './client.ts';

const POLL_MS = 50;
/** How long the service may hold a response back until the squeeze has ended. */
const WAIT_SECONDS = 20;
const SQUEEZE_LIMIT_MS = 300_000;

/** The state of a trainer. */
export interface TrainingState extends AdapterFiles {
  readonly optimizer?: Uint8Array;
}

export interface SendOptions {
  readonly rewind?: boolean;
  readonly waitSeconds?: number;
}

/**
 * A trainer as the service sees it: it creates a run, sends checkpoints, and downloads what it continues
 * with.
 */
export class Trainer {
  readonly client: Client;
  readonly run: RunRecord;

  constructor(client: Client, run: RunRecord) {
    this.client = client;
    this.run = run;
  }

  static async begin(client: Client, request: RunRequest): Promise<Trainer> {
    const response = await client.fetch('/v1/runs', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
    });
    const text = await response.text();
    assert.equal(response.status, 201, text);
    return new Trainer(client, JSON.parse(text) as RunRecord);
  }

  post(step: number, state: TrainingState, { rewind, waitSeconds }: SendOptions = {}): Promise<Response> {
    const form = adapterForm(state);
    form.append('step', String(step));
    if (rewind) form.append('rewind', 'true');
    if (state.optimizer)
      form.append('optimizer.safetensors', new Blob([Buffer.from(state.optimizer)]), 'optimizer.safetensors');
    const headers: Record<string, string> = waitSeconds ? { prefer: `wait=${waitSeconds}` } : {};
    return this.client.fetch(`/v1/runs/${this.run.id}/checkpoints`, { method: 'POST', headers, body: form });
  }

  /** Sends a checkpoint and waits until its decision is final. */
  async send(step: number, state: TrainingState, options: SendOptions = {}): Promise<CheckpointRecord> {
    const response = await this.post(step, state, { waitSeconds: WAIT_SECONDS, ...options });
    const text = await response.text();
    assert.ok(response.status === 200 || response.status === 202, `${response.status} ${text}`);
    const record = JSON.parse(text) as CheckpointRecord;
    return response.status === 200 ? record : this.finished(step);
  }

  async finished(step: number): Promise<CheckpointRecord> {
    const deadline = Date.now() + SQUEEZE_LIMIT_MS;
    for (;;) {
      const record = await this.client.json<CheckpointRecord>(`/v1/runs/${this.run.id}/checkpoints/${step}`);
      if (record.state !== 'queued' && record.state !== 'active') return record;
      assert.ok(Date.now() < deadline, `step ${step} is still ${record.state}`);
      await sleep(POLL_MS);
    }
  }

  now(): Promise<RunRecord> {
    return this.client.json<RunRecord>(`/v1/runs/${this.run.id}`);
  }

  /** Downloads what to continue with, by the names of the files. */
  async files(record: CheckpointRecord): Promise<Map<string, Buffer>> {
    const found = new Map<string, Buffer>();
    for (const { name, href, bytes } of record.files) {
      const content = await this.client.bytes(href);
      assert.equal(content.length, bytes, name);
      found.set(name, content);
    }
    return found;
  }

  /** The state from which training continues. */
  async load(record: CheckpointRecord): Promise<TrainingState> {
    const files = await this.files(record);
    const optimizer = files.get('optimizer.safetensors');
    const config = files.get(CONFIG)!.toString('utf8');
    return { weights: files.get(WEIGHTS)!, config, ...(optimizer ? { optimizer } : {}) };
  }
}

/** Adam's moments for every LoRA factor of some weights. */
export function adamMoments(weights: Uint8Array): Buffer {
  let seed = 0;
  const tensors = [...parseSafetensors(weights).tensors].flatMap(([name, { shape }]) => {
    const [rows, columns] = shape as [number, number];
    const gradient = gaussianMatrix(rows, columns, ++seed).data;
    return [
      [`${name}.exp_avg`, float32Tensor(shape, gradient)] as const,
      [
        `${name}.exp_avg_sq`,
        float32Tensor(
          shape,
          gradient.map((x) => x * x),
        ),
      ] as const,
    ];
  });
  return Buffer.from(buildSafetensors(Object.fromEntries(tensors)));
}

/** Some steps of training: every factor changes a little, moments stay. */
export function train({ weights, config, optimizer }: TrainingState, seed: number): TrainingState {
  let salt = seed;
  const moved = [...parseSafetensors(weights).tensors].map(([name, tensor]) => {
    const { shape } = tensor;
    const [rows, columns] = shape as [number, number];
    const step = gaussianMatrix(rows, columns, ++salt).data;
    const values = decodeTensor(tensor).map((x, index) => x + 1e-3 * step[index]!);
    return [name, float32Tensor(shape, values)] as const;
  });
  const trained = buildSafetensors(Object.fromEntries(moved), { format: 'pt' });
  return { weights: trained, config, ...(optimizer ? { optimizer } : {}) };
}
