import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { succeededResults, succeededTargets } from '../../src/charts/succeeded-targets.ts';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { SucceededResult } from '../../src/contract/job.ts';
import { CONFIG, readPeftAdapter, WEIGHTS } from '../oracle/peft-adapter.ts';
import { Client } from './client.ts';
import { fixtureAdapters, packageVersion } from './fixtures.ts';
import { type Service, startService } from './service.ts';
import { type SqueezedOutput, sha256, squeezeAndDownload } from './squeezed.ts';
import { unzip } from './zip.ts';

const DTYPES: Readonly<Record<string, string>> = { bfloat16: 'BF16', float16: 'F16', float32: 'F32' };
/** Fields of the configuration that a squeeze must not change. */
const KEPT_KEYS = ['base_model_name_or_path', 'task_type', 'peft_type', 'modules_to_save', 'fan_in_fan_out'];

/** Nothing had to be changed, so the result has the files of the source. */
const isUnchanged = ({ warnings }: SucceededResult): boolean =>
  warnings.some((warning) => warning.startsWith('Nothing to squeeze'));

describe('the files of squeezed adapters', () => {
  let scratch: string;
  let service: Service;
  let client: Client;

  before(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'squeeze-files-'));
    service = await startService({ dataDir: join(scratch, 'data'), env: { EXECUTION_PROVIDER: 'cpu' } });
    client = new Client(service.url);
  });
  after(async () => {
    await service?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  for (const { name, dir } of fixtureAdapters()) {
    describe(name, () => {
      const source = readPeftAdapter(dir);
      const sourceSha = sha256(readFileSync(join(dir, WEIGHTS)));
      const sourceRank = source.config.r as number;
      let uploaded: AdapterRecord;
      let outputs: SqueezedOutput[];

      before(async () => {
        const { status, location, adapter } = await client.upload(dir);
        assert.equal(status, 201);
        assert.equal(location, `/v1/adapters/${adapter.id}`);
        uploaded = adapter;
        const folder = join(scratch, name, 'out');
        ({ outputs } = await squeezeAndDownload(client, adapter.id, sourceRank, 'exact', folder));
      });

      it('describe the source correctly', () => {
        assert.equal(uploaded.sha256, sourceSha);
        assert.equal(uploaded.modules, source.modules.size);
        assert.deepEqual(uploaded.ranks, { min: sourceRank, max: sourceRank });
        assert.equal(uploaded.alpha, source.config.lora_alpha);
        assert.equal(uploaded.base_model, source.config.base_model_name_or_path);
        assert.equal(uploaded.passthrough_tensors, source.passthrough.size);
        const sizes = [...source.modules.values()].map(({ a, b }) => a.data.length + b.data.length);
        assert.equal(
          uploaded.parameters,
          sizes.reduce((sum, size) => sum + size),
        );
        assert.deepEqual([uploaded.parent_id, uploaded.job_id], [null, null]);
      });

      it('return the source unchanged', async () => {
        const again = await client.upload(dir);
        assert.equal(again.adapter.content_known, true);
        assert.deepEqual(again.adapter.files, uploaded.files);
        const back = await client.download(uploaded.id, join(scratch, name, 'back'));
        for (const file of [WEIGHTS, CONFIG]) {
          assert.ok(readFileSync(join(back, file)).equals(readFileSync(join(dir, file))), file);
        }
      });

      it('contain finite factors of the requested dtype', () => {
        for (const { label, target, adapter } of outputs) {
          for (const [module, { a, b, dtype }] of adapter.modules) {
            assert.equal(dtype, DTYPES[target.dtype ?? ''] ?? source.modules.get(module)!.dtype, label);
            assert.ok(a.data.every(Number.isFinite) && b.data.every(Number.isFinite), `${label}, ${module}`);
          }
        }
      });

      it('contain a configuration that every server reads alike, or keep the scaling on request', () => {
        for (const { label, target, result, adapter } of outputs) {
          if (isUnchanged(result)) continue; // so nothing was folded
          for (const [module, { scale }] of adapter.modules) {
            const expected = target.scale === 'keep' ? source.modules.get(module)!.scale : 1;
            assert.ok(Math.abs(scale / expected - 1) < 1e-12, `${label}, ${module}: ${scale}`);
          }
          const { config } = adapter;
          if (target.scale !== 'keep') assert.equal(config.use_rslora ?? false, false);
          if (target.uniform !== false) {
            assert.deepEqual([config.rank_pattern ?? {}, config.alpha_pattern ?? {}], [{}, {}], label);
          }
          for (const key of KEPT_KEYS) assert.deepEqual(config[key], source.config[key], key);
          assert.deepEqual(
            new Set(config.target_modules as string[]),
            new Set(source.config.target_modules as string[]),
          );
        }
      });

      it('carry every other tensor over byte for byte, and keep all names', () => {
        for (const { label, adapter } of outputs) {
          assert.deepEqual([...adapter.passthrough.keys()].sort(), [...source.passthrough.keys()].sort());
          for (const [tensor, { dtype, shape, bytes }] of source.passthrough) {
            const copy = adapter.passthrough.get(tensor)!;
            assert.deepEqual([copy.dtype, copy.shape], [dtype, shape], `${label}, ${tensor}`);
            assert.ok(Buffer.from(copy.bytes).equals(bytes), `${label}, ${tensor}`);
          }
          for (const [module, { tensorNames }] of source.modules) {
            assert.deepEqual(adapter.modules.get(module)!.tensorNames, tensorNames);
          }
        }
      });

      it('state what was done to each module', () => {
        for (const { result, adapter } of outputs) {
          if (isUnchanged(result)) continue;
          const text = JSON.stringify(adapter.metadata);
          for (const fact of [sourceSha, 'exact', packageVersion]) {
            assert.ok(text.includes(fact), `${fact} is not in ${text}`);
          }
          for (const [key, value] of Object.entries(source.metadata))
            assert.equal(adapter.metadata[key], value);
        }
      });

      it('belong to ordinary adapters: recorded, with digests, as an archive', async () => {
        for (const { label, result, dir: out } of outputs) {
          const record = await client.json<AdapterRecord>(`/v1/adapters/${result.adapter_id}`);
          assert.equal(record.parent_id, uploaded.id, label);
          assert.equal(record.files.find((file) => file.name === WEIGHTS)!.bytes, result.bytes);
          for (const file of record.files) {
            assert.equal(sha256(readFileSync(join(out, file.name))), file.sha256, file.name);
          }
          const archive = unzip(await client.bytes(`/v1/adapters/${record.id}/archive`));
          const page = archive.get('report.html')?.toString();
          assert.equal(page?.includes(record.job_id ?? ''), record.job_id === null ? undefined : true);
          archive.delete('report.html');
          assert.deepEqual([...archive.keys()].map((path) => basename(path)).sort(), readdirSync(out).sort());
          for (const [path, content] of archive) {
            assert.ok(content.equals(readFileSync(join(out, basename(path)))), `${label}, ${path}`);
          }
        }
      });

      it('are equal byte for byte when the job is repeated', async () => {
        // One target that rounds, and one whose ranks depend on the spectrum.
        const some = outputs.filter(({ target }) => target.dtype === 'bfloat16' || target.uniform === false);
        const targets = some.map(({ target }) => target);
        const again = await client.squeeze(uploaded.id, targets, { method: 'exact' });
        const before = await client.contents({ results: some.map(({ result }) => result) });
        assert.deepEqual(await client.contents(again), before);
        assert.equal(some.length, 2);
      });

      it('are those of the source, with a warning, at its own rank and above', async () => {
        const job = await client.squeeze(uploaded.id, [{ rank: sourceRank }, { rank: sourceRank + 1 }]);
        assert.equal(job.state, 'succeeded', JSON.stringify(job.error));
        const report = await client.report(job.id);
        for (const [at, { rank, relative_error, energy_retained, warnings, ...result }] of succeededResults(
          job,
        ).entries()) {
          assert.deepEqual(rank, { min: sourceRank, max: sourceRank });
          assert.deepEqual([relative_error, energy_retained], [0, 1]);
          assert.ok(warnings.length > 0, `no warning for target ${at}`);
          assert.ok(succeededTargets(report)[at]!.modules.every((module) => module.passthrough));
          const out = readPeftAdapter(
            await client.download(result.adapter_id, join(scratch, name, `own-rank-${at}`)),
          );
          for (const [module, { a, b, scale }] of source.modules) {
            const left = out.modules.get(module)!;
            assert.deepEqual([left.scale, left.a.data, left.b.data], [scale, a.data, b.data], module);
          }
        }
      });

      it('keep untrained modules at exactly zero', () => {
        const untrained = [...source.modules].filter(([, { b }]) => b.data.every((value) => value === 0));
        for (const [module] of untrained) {
          for (const { label, adapter } of outputs) {
            const left = adapter.modules.get(module)!;
            const zero = [left.a, left.b].some(({ data }) => data.every((value) => value === 0));
            assert.ok(zero, `${label}, ${module}`);
          }
        }
      });
    });
  }
});
