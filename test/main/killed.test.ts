import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { describe, it } from 'node:test';
import { testDatabase } from '../database/postgres-server.ts';
import { waitForMetrics } from '../e2e/wait-for-metrics.ts';
import { openSocket, postHead, rawRequest } from '../http/raw-request.ts';
import { FIT, startExternalRedis } from '../queue/external-redis.ts';
import { until, withFolder } from '../queue/harness.ts';
import { type ServiceProcess, startService } from './service-process.ts';
import { ended, statusOf, submit, upload } from './service-requests.ts';

describe('the service with its own Redis', () => {
  it('completes all jobs that were queued when it was killed, although that Redis kept nothing', () =>
    withFolder(async (DATA_DIR) => {
      const killed = await startService({ DATA_DIR });
      const adapterId = await upload(killed);
      const ids: string[] = [];
      for (let i = 0; i < 5; i++) ids.push((await submit(killed, adapterId, { reuse: false })).id);
      await killed.end('SIGKILL');
      const service = await startService({ DATA_DIR });
      try {
        for (const id of ids) assert.equal((await ended(service, id)).state, 'succeeded');
      } finally {
        assert.equal(await service.end(), 0);
      }
    }));
});

describe('the service with an external Redis', () => {
  it('answers probes and metrics on their own port while all other connections are in use, and logs no password', (t) =>
    withFolder(async (folder) => {
      const redis = await startExternalRedis(folder, [...FIT, '--requirepass', 'hunter2']);
      const shared = {
        DATA_DIR: folder,
        LOG_LEVEL: 'trace',
        REDIS_URL: `redis://:hunter2@127.0.0.1:${redis.port}`,
        DATABASE_URL: (await testDatabase()).replace('squeeze@', 'squeeze:hunter2@'),
        PROBE_PORT: '0',
        MAX_CONNECTIONS: '32',
      };
      const probesOf = (service: ServiceProcess): Promise<string> =>
        until('its port', () => /metrics are at (http:\/\/[^"\s]+)/.exec(service.output())?.[1]);
      const running: ChildProcess[] = [];
      t.after(() => {
        for (const child of running) child.kill('SIGKILL');
      });
      const paths = ['/livez', '/readyz', '/metrics', '/v1/capabilities'];
      const statuses = (url: string) =>
        Promise.all(
          paths.map(async (path) => {
            const text = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`;
            return (await rawRequest(Number(new URL(url).port), text, true)).status;
          }),
        );
      for (const ROLE of ['worker', 'api']) {
        const service = await startService({ ...shared, ROLE });
        running.push(service.child);
        const probes = await probesOf(service);
        assert.deepEqual(await statuses(service.url), [200, 200, 404, ROLE === 'api' ? 200 : 404]);
        assert.deepEqual(await statuses(probes), [200, 200, 200, 404]);
        if (ROLE === 'api') {
          const port = Number(new URL(service.url).port);
          const head = postHead('/v1/adapters', ['Content-Length: 1000']);
          const uploads = await Promise.all(
            Array.from({ length: 32 }, async () => {
              const socket = await openSocket(port);
              socket.write(head);
              return socket;
            }),
          );
          await waitForMetrics(
            async () => (await fetch(`${probes}/metrics`)).text(),
            /connections\{listener="main",state="serving"\} 32/,
            /connections_limit\{listener="main"\} 32/,
          );
          assert.deepEqual(await statuses(probes), [200, 200, 200, 404]);
          for (const socket of uploads) socket.destroy();
          await redis.stop();
          assert.match(await (await fetch(`${probes}/readyz`)).text(), /QUEUE_UNAVAILABLE/);
        }
        assert.equal(await service.end(), 0);
        assert.match(service.output(), /redis:\/\/:\*\*\*@/);
        assert.doesNotMatch(service.output(), /hunter2/);
      }
    }));

  it('keeps a job that was accepted when it and Redis are killed and Redis loses everything', () =>
    withFolder(async (folder) => {
      const forgetful = await startExternalRedis(folder, FIT);
      const env = { DATA_DIR: folder, REDIS_URL: forgetful.url, DATABASE_URL: await testDatabase() };
      const api = await startService({ ...env, ROLE: 'api' });
      assert.equal(await statusOf(api, '/readyz'), 200);
      const { id } = await submit(api, await upload(api));
      await api.end('SIGKILL');
      await forgetful.stop('SIGKILL');

      const redis = await startExternalRedis(folder, FIT, forgetful.port);
      const service = await startService(env);
      try {
        assert.equal((await ended(service, id)).state, 'succeeded');
      } finally {
        assert.equal(await service.end(), 0);
        await redis.stop();
      }
    }));
});
