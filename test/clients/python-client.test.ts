import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { SucceededResult } from '../../src/contract/job.ts';
import { readPeftAdapter } from '../oracle/peft-adapter.ts';
import { allowedError, overallError, scoreAdapter } from '../oracle/score.ts';
import { type Gateway, startGateway } from './gateway.ts';
import { runPython, skipWithoutPython } from './python.ts';
import { serviceFixture } from './service-fixture.ts';

const ADAPTER = fileURLToPath(new URL('../../examples/adapters/gpt2-lora-r8', import.meta.url));
const WEIGHTS_BYTES = statSync(join(ADAPTER, 'adapter_model.safetensors')).size;

interface Squeezed {
  readonly uploads: readonly AdapterRecord[];
  readonly by_folder: SucceededResult;
  readonly by_id: SucceededResult;
  readonly merged: SucceededResult;
  readonly analyzed: string;
  readonly phases: readonly string[];
  readonly uploaded: number;
}
interface Refusal {
  readonly type: string;
  readonly code?: string;
  readonly detail?: string;
  readonly status?: number | null;
  readonly retryable?: boolean;
  readonly errors?: number;
}

for (const kind of ['blocking', 'async'] as const) {
  describe(`the ${kind} client in Python`, { skip: skipWithoutPython('httpx') }, () => {
    const fixture = serviceFixture(`python-${kind}`);
    const { folder } = fixture;
    const squeeze = (url: string, out: string, ...key: readonly string[]) =>
      runPython<Squeezed>('squeeze_adapter.py', kind, url, ADAPTER, out, ...key);

    it('uploads, squeezes, merges, analyzes and saves an adapter with the reported error', async () => {
      const out = join(folder, 'out');
      const answer = await squeeze(fixture.service.url, out);
      const { uploads, by_folder, by_id, merged } = answer;
      assert.deepEqual(
        uploads.map(({ name, labels, content_known }) => [name, labels, content_known]),
        [
          [basename(ADAPTER), {}, false],
          ['again', { team: 'search' }, true],
          // The configuration was written again, so its bytes differ.
          [uploads[2]!.name, {}, uploads[2]!.content_known],
        ],
      );
      assert.equal(new Set(uploads.map(({ id }) => id)).size, 3);
      assert.deepEqual(
        [by_folder.rank, merged.rank],
        [
          { min: 2, max: 2 },
          { min: 4, max: 4 },
        ],
      );
      assert.ok(by_id.energy_retained >= 0.9);
      assert.equal(answer.analyzed, 'analyze');
      assert.equal(answer.phases[0], 'upload');
      assert.equal(answer.phases.at(-1), 'download');
      assert.equal(answer.uploaded, WEIGHTS_BYTES);
      const named = await fetch(`${fixture.service.url}/v1/adapters/${by_id.adapter_id}`);
      const { name, labels } = (await named.json()) as AdapterRecord;
      assert.deepEqual([name, labels], [`${basename(ADAPTER)} by name`, { team: 'search' }]);
      assert.deepEqual(readdirSync(join(out, 'rank-2')).sort(), [
        'README.md',
        'adapter_config.json',
        'adapter_model.safetensors',
      ]);
      const [source, result] = [readPeftAdapter(ADAPTER), readPeftAdapter(join(out, 'rank-2'))];
      const scores = [...scoreAdapter(source, result).values()];
      assert.equal(scores.length, 36);
      for (const score of scores)
        assert.ok(score.actualError <= allowedError(score, 1e-6), JSON.stringify(score));
      assert.ok(Math.abs(overallError(scores) / by_folder.relative_error - 1) < 1e-3);
    });

    it('raises refusals and failures with code, status, detail and whether to retry', async () => {
      const broken = join(folder, 'broken');
      mkdirSync(broken);
      writeFileSync(join(broken, 'adapter_config.json'), '{"peft_type": "LORA", "r": 8, "lora_alpha": 8}');
      // Larger than the buffers of sockets: the response arrives while the client still sends.
      writeFileSync(join(broken, 'adapter_model.safetensors'), Buffer.alloc(30 * 2 ** 20, 0xff));
      const closed = await startGateway(fixture.service.url);
      await closed.close();
      const { left, ...refusals } = await runPython<Record<string, Refusal> & { left: string[] }>(
        'refused.py',
        kind,
        fixture.service.url,
        ADAPTER,
        broken,
        closed.url,
      );
      const expected: [name: string, type: string, code: string, status: number | null][] = [
        ['unknown_option', 'RefusedError', 'UNKNOWN_OPTION', 400],
        ['unknown_adapter', 'RefusedError', 'ADAPTER_NOT_FOUND', 404],
        ['broken_upload', 'RefusedError', 'ST_HEADER_TOO_LARGE', 422],
        ['failed_job', 'JobFailedError', 'BUDGET_TOO_SMALL', null],
        ['unknown_file', 'RefusedError', 'ADAPTER_NOT_FOUND', 404],
      ];
      for (const [name, type, code, status] of expected) {
        const { detail, errors: _, ...rest } = refusals[name]!;
        assert.deepEqual(rest, { type, code, status, retryable: false }, name);
        assert.ok(detail, name);
      }
      assert.equal(refusals.unknown_option?.errors, 1);
      assert.deepEqual(refusals.partial_job, { state: 'partial', codes: [null, 'BUDGET_TOO_SMALL'] });
      assert.deepEqual([refusals.too_slow?.type, refusals.too_slow?.retryable], ['DeadlineError', true]);
      assert.deepEqual(
        [refusals.nobody_there?.type, refusals.nobody_there?.retryable],
        ['UnreachableError', true],
      );
      assert.deepEqual(refusals.no_such_folder, { type: 'FileNotFoundError' });
      assert.deepEqual(refusals.no_weights, { type: 'ValueError' });
      assert.deepEqual(refusals.no_url, { type: 'ValueError' });
      assert.deepEqual(left, [], 'nothing half-written is left');
    });

    it('retries after 429, 503 and broken connections, with its key and below a path', async () => {
      let gateway: Gateway | undefined;
      try {
        gateway = await startGateway(fixture.service.url, {
          prefix: '/squeeze',
          failures: [429, 503, 'reset', 502],
        });
        const { by_folder } = await squeeze(
          `${gateway.url}/squeeze`,
          join(folder, 'through-gateway'),
          'a-key',
        );
        assert.deepEqual(by_folder.rank, { min: 2, max: 2 });
        assert.equal(gateway.failuresLeft(), 0);
        const [first, ...others] = gateway.requests;
        for (const { path, authorization, chunked } of [first!, ...others]) {
          assert.ok(path.startsWith('/squeeze/v1/'), path);
          assert.equal(authorization, 'Bearer a-key');
          assert.equal(chunked, false, 'bodies have a length');
        }
        const keys = gateway.requests.slice(0, 5).map(({ idempotencyKey }) => idempotencyKey);
        assert.equal(new Set(keys).size, 1, 'an upload that is sent again is the same one');
        assert.ok(keys[0]);
        const posts = gateway.requests.filter(({ method }) => method === 'POST');
        assert.ok(posts.every(({ idempotencyKey }) => idempotencyKey !== undefined));
      } finally {
        await gateway?.close();
      }
    });
  });
}
