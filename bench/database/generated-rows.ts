import { hash } from 'node:crypto';
import type { AdapterFile } from '../../src/contract/adapter.ts';
import type { JobResult } from '../../src/contract/job.ts';
import type { Labels } from '../../src/contract/labels.ts';
import { hexTime, smallestIdAt } from '../../src/database/ids.ts';
import type { BatchMemberTable, BatchTable, JobTable } from '../../src/database/job-tables.ts';
import type { ContentTable } from '../../src/database/tables.ts';
import { baseModelDigest } from '../../src/resources/adapters/rows.ts';
import type { RecordedOutcome } from '../../src/resources/jobs/rows.ts';
import type { Amounts } from './options.ts';
import { addJob, type Ended } from './queued-work.ts';
import type { RowsByTable } from './row-writer.ts';

/** Receives rows, table by table. */
export type Add = <T extends keyof RowsByTable>(table: T, ...rows: readonly RowsByTable[T][]) => void;

/** The number of a row modulo this determines its properties, above all its tenant. */
export const BLOCK = 50;
/** This many rows of a block belong to the large tenant, and one to each of the others. */
const LARGE_SHARE = BLOCK - 9;
export const LARGE = 'large';

const YEAR_MS = 365 * 86_400_000;
const RUN_MS = 40_000;
const BATCH_JOBS = 20;
/** One in this many rows has the rare label; all of these belong to the large tenant. */
export const RARE_ONE_IN = 10_000;
const RARE_AT = 7;
/** The adapter that one in a hundred jobs reads. */
export const POPULAR_ADAPTER = 10;
/** The names of the oldest adapters begin with this, and those of no others. */
export const OLD_PREFIX = 'legacy-';
const OLD_ONE_IN = 40;
const UPLOAD_ONE_IN = 5;
const INLINE_REPORT_ONE_IN = 10;

const TEAMS = 20;
const PROJECTS = 500;
const FORMATS = [
  'peft',
  'peft',
  'peft',
  'peft',
  'peft',
  'peft',
  'kohya',
  'kohya',
  'mlx',
  'diffusers',
] as const;
export const BASES = Array.from({ length: 10 }, (_, i) => `acme/base-model-${i}b-instruct`);
const INLINE_REPORT = Buffer.from(
  JSON.stringify({ modules: Array.from({ length: 40 }, (_, i) => ({ i, energy: i / 7 })) }),
);
const CONFIG = Buffer.from(
  JSON.stringify({ peft_type: 'LORA', r: 16, lora_alpha: 32, target_modules: ['q_proj', 'v_proj'] }),
);

const digits = (text: string): string => hash('sha256', text).slice(0, 20);
/** A number that looks random but is always the same for the same text. */
const drawn = (text: string, below: number): number =>
  Number.parseInt(hash('sha256', text).slice(0, 8), 16) % below;

/** The rows of a service that has run for a year: always the same for the same amounts. */
export class GeneratedRows {
  readonly tenants: readonly string[] = [
    LARGE,
    ...Array.from({ length: BLOCK - LARGE_SHARE }, (_, i) => `small-${i}`),
  ];
  readonly usage = new Map(this.tenants.map((tenant) => [tenant, { adapters: 0, bytes: 0, jobs: 0 }]));
  private readonly amounts: Amounts;
  private readonly beginMs: number;
  /** Number of jobs from one adapter that was made by a job to the next. */
  private readonly step: number;

  constructor(amounts: Amounts, nowMs: number) {
    this.amounts = amounts;
    this.beginMs = nowMs - YEAR_MS;
    this.step = Math.max(1, Math.floor(amounts.jobs / amounts.adapters));
  }

  readonly tenantOf = (index: number): string =>
    this.tenants[Math.max(0, (index % BLOCK) - LARGE_SHARE + 1)]!;

  /** The numbers of the tenant's rows from `begin` to `end`. */
  *largeIn(begin: number, end: number): Generator<number> {
    for (let index = begin; index < end; index++) if (this.tenantOf(index) === LARGE) yield index;
  }

  readonly adapterId = (index: number): string => this.timed('ad', this.adapterMs(index), index);
  readonly jobId = (index: number): string => this.timed('job', this.jobMs(index), index);
  readonly batchIdOf = (firstJob: number): string => this.timed('batch', this.jobMs(firstJob), firstJob);
  readonly isUpload = (adapter: number): boolean => adapter % UPLOAD_ONE_IN === 0;
  /** The job that made an adapter. */
  readonly makerOf = (adapter: number): number =>
    Math.floor(adapter / BLOCK) * this.step * BLOCK + (adapter % BLOCK);

  /** Adds all adapters, and yields after each, so that rows can be written before they become too many. */
  *adapters(add: Add): Generator<void> {
    const configs = BASES.map((base) =>
      this.content(`config of ${base}`, this.beginMs, CONFIG.length, CONFIG),
    );
    add('content', ...configs);
    for (let index = 0; index < this.amounts.adapters; index++) {
      this.addAdapter(add, index, configs);
      yield;
    }
  }

  /** The same for all jobs: first those that have ended, then those that are queued. */
  *jobs(add: Add): Generator<void> {
    const { jobs, queued } = this.amounts;
    const open = new Map<string, { readonly first: number; readonly members: JobTable[] }>();
    const counts = new Map<string, number>();
    for (let index = 0; index < jobs + queued; index++) {
      const tenant = this.tenantOf(index);
      const sequence = counts.get(tenant) ?? 0;
      counts.set(tenant, sequence + 1);
      const isInBatch = Math.floor(sequence / BATCH_JOBS) % 2 === 0;
      if (isInBatch && !open.has(tenant)) open.set(tenant, { first: index, members: [] });
      const batch = isInBatch ? open.get(tenant)! : undefined;
      const job = this.addJob(add, index, batch && this.batchIdOf(batch.first));
      batch?.members.push(job);
      if (batch?.members.length === BATCH_JOBS) {
        this.addBatch(add, batch.first, batch.members);
        open.delete(tenant);
      }
      yield;
    }
    for (const { first, members } of open.values()) this.addBatch(add, first, members);
  }

  /** The first job of a batch of the large tenant near this job. */
  firstOfBatch(near: number): number {
    const before = LARGE_SHARE * Math.floor(near / BLOCK);
    const sequence = Math.floor(before / (2 * BATCH_JOBS)) * 2 * BATCH_JOBS;
    return Math.floor(sequence / LARGE_SHARE) * BLOCK + (sequence % LARGE_SHARE);
  }

  private addAdapter(add: Add, index: number, configs: readonly ContentTable[]): void {
    const tenant = this.tenantOf(index);
    const id = this.adapterId(index);
    const at = this.adapterMs(index);
    const kind = drawn(id, BASES.length);
    const weights = this.content(`weights of ${id}`, at, 3_000_000 + drawn(`size of ${id}`, 90_000_000));
    const config = configs[kind]!;
    const bytes = weights.bytes + config.bytes;
    const isUpload = this.isUpload(index);
    const files: AdapterFile[] = [
      { name: 'adapter_model.safetensors', sha256: weights.sha256, bytes: weights.bytes },
      { name: 'adapter_config.json', sha256: config.sha256, bytes: config.bytes },
    ];
    const labels = labelsOf(index);
    const format = FORMATS[kind]!;
    const rank = 8 * (1 + drawn(`rank of ${id}`, 8));
    const facts = {
      ...{ format, sha256: weights.sha256, bytes, base_model: BASES[kind]!, modules: 224 },
      ...{ ranks: { min: rank, max: rank }, alpha: 2 * rank, dtypes: ['BF16'], parameters: bytes >> 1 },
      ...{ passthrough_tensors: 0, size: [{ what: 'lora', tensors: 448, bytes: weights.bytes }] },
      ...{ files, warnings: [] },
    };
    const isOld = index < this.amounts.adapters / OLD_ONE_IN;
    add('content', weights);
    add('adapter', {
      ...{
        id,
        tenant,
        name: `${isOld ? OLD_PREFIX : ''}${nameOf(index)}`,
        labels: JSON.stringify(labels),
        format,
      },
      base_model_sha256: baseModelDigest(BASES[kind]!),
      parent: isUpload ? null : this.adapterId(index - (index % UPLOAD_ONE_IN)),
      job: isUpload ? null : this.jobId(this.makerOf(index)),
      ...{ digest: hash('sha256', `digest of ${id}`), bytes, created_at: at, expires_at: null },
      facts: JSON.stringify(facts),
    });
    for (const [name, text] of Object.entries(labels))
      add('adapter_label', { tenant, name, text: JSON.stringify(text), adapter: id });
    add(
      'adapter_file',
      ...[weights, config].map(({ id: content }, i) => ({ adapter: id, name: files[i]!.name, content })),
    );
    const used = this.usage.get(tenant)!;
    used.adapters++;
    used.bytes += bytes;
  }

  private addJob(add: Add, index: number, batch: string | undefined): JobTable {
    const tenant = this.tenantOf(index);
    const id = this.jobId(index);
    const at = this.jobMs(index);
    const source = this.adapterId(this.sourceOf(index));
    const labels = labelsOf(index);
    const kind = index % 20 === 19 ? 'analyze' : 'squeeze';
    const request =
      kind === 'analyze'
        ? { kind, adapter_id: source }
        : { kind, adapter_id: source, targets: [{ rank: 4 }], options: { method: 'rsvd', seed: index } };
    const accepted = {
      ...{
        id,
        tenant,
        kind,
        priority: 'normal',
        name: null,
        labels: JSON.stringify(labels),
        batch: batch ?? null,
        retry_of: null,
        webhook: null,
      },
      ...{
        ttl_seconds: null,
        created_at: at,
        request: JSON.stringify(request),
        encrypted_request: null,
      },
      reuse: 1,
      reused: 0,
    };
    const end = index < this.amounts.jobs ? this.ended(index, at) : undefined;
    const job = addJob(add, accepted, end);
    for (const [name, text] of Object.entries(labels))
      add('job_label', { tenant, name, text: JSON.stringify(text), job: id });
    add('job_source', { tenant, adapter: source, job: id, finished_at: job.finished_at });
    if (job.state === 'succeeded') {
      const isInline = index % INLINE_REPORT_ONE_IN === 0;
      const report = isInline
        ? this.content(`report of ${id}`, at, INLINE_REPORT.length, INLINE_REPORT)
        : this.content(`report of ${id}`, at, 90_000);
      add('content', report);
      add('job_file', { job: id, content: report.id, sha256: report.sha256, role: 'report' });
    }
    this.usage.get(tenant)!.jobs++;
    return job;
  }

  /** How a job ended. No job of the large tenant has failed, so that there is a state without rows. */
  private ended(index: number, at: number): Pick<JobTable, Ended> {
    const isBad = Math.floor(index / BLOCK) % BLOCK === index % BLOCK;
    const state = !isBad ? 'succeeded' : this.tenantOf(index) === LARGE ? 'cancelled' : 'failed';
    const error = { code: 'CANCELLED', title: 'Cancelled', detail: 'It came to nothing.', retryable: true };
    const outcome: RecordedOutcome = {
      progress: { phase: 'done', done: 224, total: 224, module: 'model.layers.31.self_attn.v_proj' },
      ...{ imported: null, results: state === 'succeeded' ? [this.result(index)] : [], deliveries: [] },
      timings: { queue_wait: 1.5, load: 0.3, gram: 0.4, core: 0.3, project: 0.4, write: 0.2, total: 1.7 },
      provider: { name: 'cpu', requested: 'auto', threads: 2, onnxruntime: '1.30.0', fallback_reason: null },
      error: state === 'succeeded' ? null : error,
    };
    return {
      ...{ state, started_at: at + 1_500, finished_at: at + RUN_MS, expires_at: null, attempts: 1 },
      outcome: JSON.stringify(outcome),
    };
  }

  private result(job: number): JobResult {
    const block = Math.floor(job / BLOCK);
    const adapter = (block / this.step) * BLOCK + (job % BLOCK);
    const isHere = block % this.step === 0 && adapter < this.amounts.adapters && !this.isUpload(adapter);
    return {
      target: { rank: 4 },
      state: 'succeeded',
      adapter_id: isHere ? this.adapterId(adapter) : this.timed('ad', this.jobMs(job), -job),
      ...{ format: 'peft', rank: { min: 4, max: 4 }, bytes: 5_000_000, parameters: 2_500_000 },
      size: [{ what: 'lora', tensors: 448, bytes: 5_000_000 }],
      ...{
        relative_error: 0.31,
        energy_retained: 0.9,
        module_relative_error: 0.33,
        module_energy_retained: 0.89,
      },
      ...{
        expected_loss: null,
        worst_module: { name: 'model.layers.31.self_attn.v_proj', relative_error: 0.6 },
      },
      ...{ warnings: [], serving: null, training: null },
    };
  }

  private addBatch(add: Add, first: number, members: readonly JobTable[]): void {
    const { tenant } = members[0]!;
    const id = this.batchIdOf(first);
    const labels = labelsOf(first);
    const count = (state: JobTable['state']) => members.filter((job) => job.state === state).length;
    const ends = members.map(({ finished_at }) => finished_at);
    const isOver = !ends.includes(null);
    const row: BatchTable = {
      ...{
        id,
        tenant,
        name: null,
        labels: JSON.stringify(labels),
        retry_of: null,
        webhook: null,
        ttl_seconds: null,
        jobs: members.length,
      },
      ...{ succeeded: count('succeeded'), partial: 0 },
      ...{ failed: count('failed'), cancelled: count('cancelled') },
      ...{ created_at: members[0]!.created_at, accepted_at: members[0]!.created_at },
      ...{ opened_at: members[0]!.created_at, cancelled_at: null },
      ...{ finished_at: isOver ? Math.max(...ends.map(Number)) : null, expires_at: null },
    };
    add('batch', row);
    for (const [name, text] of Object.entries(labels))
      add('batch_label', { tenant, name, text: JSON.stringify(text), batch: id });
    add('batch_member', ...members.map((job, position) => memberOf(id, job, position)));
  }

  /** The adapter that a job reads. */
  sourceOf(job: number): number {
    const block = Math.floor(job / BLOCK);
    if (job % BLOCK === POPULAR_ADAPTER && block % 2 === 0) return POPULAR_ADAPTER;
    // Queued jobs read adapters of even blocks only, so that the others can be deleted.
    const halves = Math.floor(this.amounts.adapters / BLOCK / 2);
    const even = 2 * drawn(`source of ${job}`, halves);
    return (even + (job < this.amounts.jobs ? block % 2 : 0)) * BLOCK + (job % BLOCK);
  }

  private content(what: string, at: number, bytes: number, inline: Buffer | null = null): ContentTable {
    const id = `${hexTime(at)}${digits(what)}`;
    return { id, sha256: hash('sha256', what), bytes, state: 'stored', inline, released_at: null };
  }

  private adapterMs(index: number): number {
    return this.beginMs + Math.floor((index * YEAR_MS) / this.amounts.adapters);
  }

  private jobMs(index: number): number {
    return this.beginMs + Math.floor((index * YEAR_MS) / (this.amounts.jobs + this.amounts.queued));
  }

  private timed(kind: string, ms: number, index: number): string {
    return `${smallestIdAt(kind, ms)}${digits(`${kind} ${index}`)}`;
  }
}

const nameOf = (index: number): string => `team-${index % TEAMS}-assistant-v${Math.floor(index / TEAMS)}`;

const labelsOf = (index: number): Labels => ({
  team: `team-${drawn(`team ${index}`, TEAMS)}`,
  project: `project-${drawn(`project ${index}`, PROJECTS)}`,
  stage: index % 4 === 3 ? 'production' : 'experiment',
  ...(index % RARE_ONE_IN === RARE_AT && { incident: 'yes' }),
});

const memberOf = (batch: string, job: JobTable, position: number): BatchMemberTable => {
  const { results } = JSON.parse(job.outcome ?? '{"results":[]}') as Pick<RecordedOutcome, 'results'>;
  return {
    ...{ batch, job: job.id, position, kind: job.kind, retry_of: null },
    state: job.state === 'active' ? 'queued' : job.state,
    adapter: (JSON.parse(job.request) as { adapter_id: string }).adapter_id,
    finished_at: job.finished_at,
    ended_no: job.finished_at === null ? null : position + 1,
    error_code: job.state === 'failed' ? 'CANCELLED' : null,
    error_detail: job.state === 'failed' ? '"It was cancelled."' : null,
    ...{ name: JSON.stringify(`item ${position}`), source: null, encrypted: null },
    request: JSON.stringify({ work: JSON.parse(job.request) as object, treatment: { labels: {} } }),
    results: JSON.stringify(results.flatMap((one) => (one.state === 'succeeded' ? one.adapter_id : []))),
  };
};
