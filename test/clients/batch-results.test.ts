import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { LoraSqueeze } from '../../clients/typescript/src/index.ts';
import { type FlakyProxy, startFlakyProxy } from './flaky-proxy.ts';
import { runPython, skipWithoutPython } from './python.ts';
import { serviceFixture } from './service-fixture.ts';
import { ROOT } from './typescript-package.ts';

const ADAPTER = join(ROOT, 'examples/adapters/gpt2-lora-r8');
/** More results than one response contains. */
const ITEMS = 70;

interface Read {
  readonly events: readonly (readonly [id: string, type: string])[];
  readonly lines: readonly (readonly [index: number, state: string])[];
}

describe('the results of a batch over a connection that breaks', () => {
  const fixture = serviceFixture('batch-results');
  let batch: string;
  before(async () => {
    const client = new LoraSqueeze({ baseUrl: fixture.service.url });
    const { id } = await client.adapters.upload(ADAPTER);
    const jobs = Array.from({ length: ITEMS }, () => ({ kind: 'analyze' as const, adapter_id: id }));
    batch = (await client.batches.wait(await client.batches.create({ jobs }))).id;
  });

  /** Each response breaks off once after its first bytes. */
  async function read(by: (line: FlakyProxy, archive: string) => Promise<Read>): Promise<void> {
    const line = await startFlakyProxy(fixture.service.url, [
      ...['events', 'results', 'archive'].map((what) => ({
        ...{
          method: 'GET',
          path: new RegExp(`^/v1/batches/[^/]+/${what}$`),
          cutAnswerAt: 200,
          saysClose: true,
        },
      })),
    ]);
    const archive = join(fixture.folder, 'batch.zip');
    try {
      const { events, lines } = await by(line, archive);
      assert.equal(line.faultsLeft(), 0);
      const items = events.filter(([, type]) => type === 'item').map(([id]) => Number(id));
      assert.deepEqual(
        items,
        Array.from({ length: ITEMS }, (_, i) => i + 1),
        'each once',
      );
      assert.deepEqual(events.at(-1), ['end', 'state']);
      assert.deepEqual(
        lines,
        Array.from({ length: ITEMS }, (_, index) => [index, 'succeeded']),
        'each once, in their order',
      );
      const zip = readFileSync(archive);
      const asked = line.requests.filter(({ path }) => path.endsWith('/archive')).length;
      const isWhole = zip.includes('results.ndjson') && zip.readUInt32LE(zip.length - 22) === 0x06054b50;
      assert.ok(
        isWhole,
        `${zip.length} bytes after ${asked} requests, ending with ${zip.toString('hex', zip.length - 30)}`,
      );
    } finally {
      await line.close();
    }
  }

  it('are read completely by the client in TypeScript', () =>
    read(async (line, archive) => {
      const { batches } = new LoraSqueeze({ baseUrl: line.url });
      const events: [string, string][] = [];
      for await (const { id, event } of batches.events(batch)) events.push([id, event]);
      const lines: [number, string][] = [];
      for await (const { index, state } of batches.results(batch)) lines.push([index, state]);
      await batches.download(batch, archive);
      return { events, lines };
    }));

  for (const kind of ['blocking', 'async'] as const)
    it(`are read completely by the ${kind} client in Python`, { skip: skipWithoutPython('httpx') }, () =>
      read((line, archive) => runPython<Read>('batch_results.py', kind, line.url, batch, archive)),
    );
});
