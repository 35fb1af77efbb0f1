import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startFlakyProxy } from './flaky-proxy.ts';
import { runPython, skipWithoutPython } from './python.ts';
import { serviceFixture } from './service-fixture.ts';

const ADAPTER = fileURLToPath(new URL('../../examples/adapters/gpt2-lora-r8', import.meta.url));

interface Watched {
  readonly seen: readonly (readonly [type: string, id: string, job: string | null])[];
  readonly job: string;
}

for (const kind of ['blocking', 'async'] as const) {
  describe(`events of all jobs, for the ${kind} client in Python`, {
    skip: skipWithoutPython('httpx'),
  }, () => {
    const fixture = serviceFixture(`python-events-${kind}`);

    it('arrive over a connection that breaks, also filtered by a label, and none is lost', async () => {
      const line = await startFlakyProxy(fixture.service.url, [
        { method: 'GET', path: /^\/v1\/events\?/, cutAnswerAt: 1 },
      ]);
      try {
        const { seen, job } = await runPython<Watched>('tenant_events.py', kind, line.url, ADAPTER);
        assert.equal(line.faultsLeft(), 0);
        const streams = line.requests.filter(({ path }) => path.startsWith('/v1/events?'));
        assert.equal(streams.length, 2);
        assert.equal(streams[1]!.headers['last-event-id'], seen[0]![1]);
        const ofJobs = seen.filter(([type]) => type.startsWith('job.'));
        assert.deepEqual(
          ofJobs.map(([type, , id]) => [type, id]),
          [
            ['job.queued', job],
            ['job.succeeded', job],
          ],
        );
      } finally {
        await line.close();
      }
    });
  });
}
