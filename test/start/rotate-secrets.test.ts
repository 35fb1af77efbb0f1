import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Webhook } from 'standardwebhooks';
import type { JobRecord } from '../../src/contract/job.ts';
import type { Readiness } from '../../src/contract/readiness.ts';
import type { KeyRotation } from '../../src/contract/secrets.ts';
import type { NewWebhook } from '../../src/contract/webhook.ts';
import { SecretBox } from '../../src/transfer/secret-box.ts';
import { run } from '../cli/command.ts';
import { readAdapterFiles } from '../e2e/client.ts';
import { fixtureAdapters } from '../e2e/fixtures.ts';
import { type ServiceProcess, startService } from '../main/service-process.ts';
import { CONFIG, WEIGHTS } from '../oracle/peft-adapter.ts';
import { until, withFolder } from '../queue/harness.ts';
import { Receiver } from '../queue/webhook-receiver.ts';
import { startFileServer } from '../transfer/file-server.ts';

const ADMIN = 'the-first-administrator-of-all';
const SECOND_ADMIN = 'the-second-administrator-of-all';

describe('replacing secrets of a running service', () => {
  it('removes an old key for secrets without effect on webhooks, jobs and the compute process', () =>
    withFolder(async (folder) => {
      const [old, fresh] = [randomBytes(32), randomBytes(32)];
      const file = join(folder, 'keys');
      /** Like Kubernetes: another file replaces it. */
      const put = (path: string, text: string): void => {
        writeFileSync(`${path}.new`, `${text}\n`);
        renameSync(`${path}.new`, path);
      };
      const keys = (...list: Buffer[]) => list.map((key) => key.toString('base64')).join(',');
      put(file, keys(old));
      put(join(folder, 'admin'), ADMIN);
      const receiver = await Receiver.start();
      const elsewhere = await startFileServer();
      const files = readAdapterFiles(fixtureAdapters()[0]!.dir);
      elsewhere.files.set('/weights', Buffer.from(files.weights));
      elsewhere.files.set('/config', Buffer.from(files.config));
      const service = await startService({
        ...{ DATA_DIR: join(folder, 'data'), SECRETS_KEYS_FILE: file, AUTH: 'keys', LOG_LEVEL: 'info' },
        ...{ ADMIN_KEY_FILE: join(folder, 'admin'), COMPUTE_THREADS: '1' },
        OUTBOUND_ALLOWED_HOSTS: `${new URL(receiver.url).host},${elsewhere.host}`,
      });
      try {
        const headers = { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' };
        const post = (path: string, body: object) =>
          fetch(service.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
        const made = await post('/v1/webhooks', { url: receiver.url });
        const { id, secret } = (await made.json()) as NewWebhook;

        /** Waits for an event that is signed with the secret of the webhook. */
        const isSigned = async (): Promise<void> => {
          const before = receiver.requests.length;
          assert.equal((await post(`/v1/webhooks/${id}/test`, {})).status, 202);
          const request = await until('a delivery', async () => receiver.requests[before]);
          new Webhook(secret).verify(request.body, request.headers);
        };
        /** A job whose source is encrypted until the compute process opens it. */
        const fetches = async (): Promise<void> => {
          const at = (name: string) => ({ url: `${elsewhere.url}/${name}?signature=x` });
          const source = {
            kind: 'url' as const,
            files: { [WEIGHTS]: at('weights'), [CONFIG]: at('config') },
          };
          const begun = await post('/v1/jobs', { kind: 'squeeze', source, targets: [{ rank: 1 }] });
          const { id: jobId } = (await begun.json()) as JobRecord;
          const ended = await until('the end of a job', async () => {
            const job = (await (
              await fetch(`${service.url}/v1/jobs/${jobId}`, { headers })
            ).json()) as JobRecord;
            return job.finished_at === null ? undefined : job;
          });
          assert.equal(ended.state, 'succeeded', JSON.stringify(ended.error));
        };
        const changed = (times: number) =>
          until('news of the file', async () => {
            // A process that uses a secret checks its file.
            const { status } = (await (await fetch(`${service.url}/readyz`)).json()) as Readiness;
            assert.equal(status, 'ready');
            const found = changes(service, 'SECRETS_KEYS');
            return found.length >= times ? true : undefined;
          });

        await isSigned();
        await fetches();
        put(file, keys(old, fresh));
        await changed(1);
        put(file, keys(fresh, old));
        await changed(2);
        const env = { LORA_SQUEEZE_URL: service.url, LORA_SQUEEZE_KEY: ADMIN };
        const { code, stdout } = await run(['keys', 'rotate-secrets', '--json'], { env });
        const rotation = JSON.parse(stdout) as KeyRotation;
        assert.deepEqual(
          [code, rotation.key, rotation.droppable_keys, rotation.reencrypted > 0],
          [0, new SecretBox(fresh).keyIds[0], new SecretBox(old).keyIds, true],
        );
        put(file, keys(fresh));
        await changed(3);
        await isSigned();
        await fetches();
        assert.equal(
          changes(service, undefined).filter((line) => line.includes('cannot be used')).length,
          0,
          service.output(),
        );

        put(join(folder, 'admin'), SECOND_ADMIN);
        await until('the second administrator', async () => {
          const as = { headers: { authorization: `Bearer ${SECOND_ADMIN}` } };
          return (await fetch(`${service.url}/v1/keys`, as)).ok || undefined;
        });
        assert.equal((await fetch(`${service.url}/v1/keys`, { headers })).status, 401);
        assert.doesNotMatch(service.output(), new RegExp(`${ADMIN}|${SECOND_ADMIN}`));
      } finally {
        assert.equal(await service.end(), 0, service.output());
        await receiver.close();
        await elsewhere.close();
      }
    }));
});

/** Lines about secrets, or about one variable only. */
const changes = (service: ServiceProcess, variable: string | undefined): string[] =>
  service
    .output()
    .split('\n')
    .filter((line) => line.includes('a secret ') && (!variable || line.includes(`"variable":"${variable}"`)));
