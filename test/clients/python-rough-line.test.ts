import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import { readPeftAdapter } from '../oracle/peft-adapter.ts';
import { type Fault, startFlakyProxy } from './flaky-proxy.ts';
import { runPython, skipWithoutPython } from './python.ts';
import { serviceFixture } from './service-fixture.ts';

const ADAPTER = fileURLToPath(new URL('../../examples/adapters/gpt2-lora-r8', import.meta.url));
const WEIGHTS_BYTES = statSync(join(ADAPTER, 'adapter_model.safetensors')).size;
const FAULTS: readonly Fault[] = [
  // Bytes of an upload, twice.
  { method: 'PATCH', path: /^\/v1\/uploads\//, cutRequestAt: 1_000_000 },
  { method: 'PATCH', path: /^\/v1\/uploads\//, cutRequestAt: 1_500_000 },
  // The response to a request for a job.
  { method: 'POST', path: /^\/v1\/jobs$/, cutAnswerAt: 1 },
  // The events of the job, after the first one.
  { method: 'GET', path: /\/events$/, cutAnswerAt: 1 },
  // A file, and a different one the second time.
  { method: 'GET', path: /\/files\/adapter_model\.safetensors$/, cutAnswerAt: 100_000 },
  { method: 'GET', path: /\/files\/adapter_config\.json$/, after: 1, isSpoiled: true },
];

interface Walk {
  readonly uploaded: AdapterRecord;
  readonly sent: readonly number[];
  readonly jobs: readonly string[];
  readonly job: string;
  readonly events: readonly (readonly [type: string, state: string | null, id: string])[];
  readonly files: readonly string[];
  readonly spoiled: unknown;
  readonly left: readonly string[];
}

for (const kind of ['blocking', 'async'] as const) {
  describe(`the ${kind} client in Python, on a bad connection`, { skip: skipWithoutPython('httpx') }, () => {
    const fixture = serviceFixture(`python-rough-${kind}`);

    it('resumes uploads, events and downloads that broke off, and keeps no damaged file', async () => {
      const line = await startFlakyProxy(fixture.service.url, FAULTS);
      try {
        const out = join(fixture.folder, 'out');
        const walk = await runPython<Walk>('over_rough_line.py', kind, line.url, ADAPTER, out);
        assert.equal(line.faultsLeft(), 0);
        const headersOf = (method: string, path: RegExp) =>
          line.requests
            .filter((each) => each.method === method && path.test(each.path))
            .map(({ headers }) => headers);

        const offsets = headersOf('PATCH', /^\/v1\/uploads\//).map((headers) =>
          Number(headers['upload-offset']),
        );
        assert.equal(offsets.length, 3);
        assert.equal(offsets[0], 0);
        assert.ok(offsets[1]! > 0 && offsets[1]! < offsets[2]!, `${offsets}`);
        assert.equal(Math.max(...walk.sent), WEIGHTS_BYTES);
        const { labels, files } = walk.uploaded;
        assert.deepEqual(labels, { sent: 'in-pieces' });
        assert.deepEqual(files.map(({ name }) => name).sort(), [
          'adapter_config.json',
          'adapter_model.safetensors',
        ]);

        assert.deepEqual(walk.jobs, [walk.job], 'the job was made once');

        const [watched, resumed] = headersOf('GET', /\/events$/);
        assert.equal(watched?.['last-event-id'], undefined);
        const ids = walk.events.slice(0, -1).map(([, , id]) => id);
        assert.ok(ids.includes(String(resumed?.['last-event-id'])), 'after one that came');
        assert.equal(new Set(walk.events.map(([, , id]) => id)).size, walk.events.length, 'none comes twice');
        assert.deepEqual(walk.events.at(-1)!.slice(0, 2), ['state', 'succeeded']);

        const ranges = headersOf('GET', /\/files\/adapter_model\.safetensors$/).map(({ range }) => range);
        assert.equal(ranges[0], undefined);
        assert.match(ranges[1]!, /^bytes=[1-9]\d*-$/);
        assert.ok(walk.files.includes('whole/adapter_model.safetensors'));
        for (const { rank } of readPeftAdapter(join(out, 'whole')).modules.values()) assert.equal(rank, 2);

        assert.deepEqual(walk.spoiled, { code: 'DIGEST_MISMATCH', retryable: true });
        assert.ok(!walk.left.includes('adapter_config.json'));
        assert.ok(walk.left.every((name) => !name.endsWith('.part')));
        assert.ok(readFileSync(join(out, 'whole/adapter_config.json'), 'utf8').startsWith('{'));
      } finally {
        await line.close();
      }
    });
  });
}
