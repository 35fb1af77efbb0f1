import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
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

interface Squeezed {
  readonly uploads: readonly AdapterRecord[];
  readonly by_folder: SucceededResult;
  readonly by_id: SucceededResult;
}
interface Refusal {
  readonly code?: string;
  readonly detail?: string;
  readonly status?: number | null;
  readonly type?: string;
}

describe('lora_squeeze, the client in Python', { skip: skipWithoutPython() }, () => {
  const fixture = serviceFixture('squeeze-python');
  const { folder } = fixture;

  it('uploads, squeezes and saves an adapter as close as it says', async () => {
    const out = join(folder, 'out');
    const { uploads, by_folder, by_id } = await runPython<Squeezed>(
      'squeeze_adapter.py',
      fixture.service.url,
      ADAPTER,
      out,
    );
    for (const { id, name } of uploads) assert.deepEqual([/^ad_/.test(id), name], [true, basename(ADAPTER)]);
    assert.notEqual(uploads[1]!.id, uploads[0]!.id);
    assert.deepEqual(
      uploads.map(({ content_known }) => content_known),
      [false, true],
    );
    assert.deepEqual(by_folder.rank, { min: 2, max: 2 });
    assert.ok(by_id.energy_retained >= 0.9);
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

  it('raises what is refused and what fails, with code, status and detail', async () => {
    const broken = join(folder, 'broken');
    mkdirSync(broken);
    writeFileSync(join(broken, 'adapter_config.json'), '{"peft_type": "LORA", "r": 8, "lora_alpha": 8}');
    // Larger than what sockets buffer: the answer comes while the client still sends.
    writeFileSync(join(broken, 'adapter_model.safetensors'), Buffer.alloc(32 * 2 ** 20, 0xff));
    const closed = await startGateway(fixture.service.url);
    await closed.close();
    const refusals = await runPython<Record<string, Refusal>>(
      'refused.py',
      fixture.service.url,
      ADAPTER,
      broken,
      closed.url,
    );
    const expected: [name: string, code: string, status: number | null][] = [
      ['unknown_option', 'UNKNOWN_OPTION', 400],
      ['unknown_adapter', 'ADAPTER_NOT_FOUND', 404],
      ['broken_upload', 'ST_HEADER_TOO_LARGE', 422],
      ['failed_job', 'BUDGET_TOO_SMALL', null],
      ['unknown_file', 'ADAPTER_NOT_FOUND', 404],
    ];
    for (const [name, code, status] of expected) {
      assert.equal(refusals[name]?.code, code, name);
      assert.equal(refusals[name]?.status, status, name);
      assert.ok(refusals[name]?.detail, name);
    }
    assert.deepEqual(refusals.partial_job, { state: 'partial', codes: [null, 'BUDGET_TOO_SMALL'] });
    assert.deepEqual(refusals.nobody_there, { type: 'ConnectionRefusedError' });
    assert.deepEqual(refusals.no_url, { type: 'ValueError' });
    assert.deepEqual(readdirSync(broken).sort(), ['adapter_config.json', 'adapter_model.safetensors']);
  });

  it('comes back after 429, 503 and broken connections, with its key and below a path', async () => {
    let gateway: Gateway | undefined;
    try {
      gateway = await startGateway(fixture.service.url, {
        prefix: '/squeeze',
        failures: [429, 503, 'reset', 502],
      });
      const out = join(folder, 'through-gateway');
      const { by_folder } = await runPython<Squeezed>(
        'squeeze_adapter.py',
        `${gateway.url}/squeeze`,
        ADAPTER,
        out,
        'a-key',
      );
      assert.deepEqual(by_folder.rank, { min: 2, max: 2 });
      assert.equal(gateway.failuresLeft(), 0);
      assert.ok(gateway.requests.every(({ path }) => path.startsWith('/squeeze/v1/')));
      assert.ok(
        gateway.requests.every(({ chunked }) => !chunked),
        'bodies have a length',
      );
    } finally {
      await gateway?.close();
    }
  });
});
