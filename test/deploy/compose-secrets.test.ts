import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, describe, it } from 'node:test';
import { Redis } from 'ioredis';
import { loadConfig } from '../../src/app/config.ts';
import { freePort } from '../free-port.ts';
import { redisProgram } from '../queue/external-redis.ts';
import { queueServerOptions, ROOT } from './compose-file.ts';

describe('secrets of docker-compose.yml', () => {
  const folder = mkdtempSync(join(tmpdir(), 'squeeze-compose-'));
  const secrets = join(folder, 'secrets');
  after(() => rmSync(folder, { recursive: true, force: true }));
  copyFileSync(join(ROOT, 'deploy/compose/make-secrets.sh'), join(folder, 'make-secrets.sh'));
  const make = () => {
    const { status, stderr } = spawnSync('bash', [join(folder, 'make-secrets.sh')], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    return readdirSync(secrets).map((name) => [name, readFileSync(join(secrets, name), 'utf8')]);
  };

  it('are created once, unreadable for other users, and accepted by the service', () => {
    const made = make();
    assert.deepEqual(make(), made, 'a second run replaces nothing');
    assert.equal(statSync(secrets).mode & 0o777, 0o700);
    for (const [name] of made) assert.equal(statSync(join(secrets, name!)).mode & 0o777, 0o644, name);
    const { redisUrl } = loadConfig({
      ROLE: 'worker',
      REDIS_URL: 'redis://redis:6379',
      REDIS_PASSWORD_FILE: join(secrets, 'redis_password'),
      DATABASE_URL: 'postgres://squeeze@postgres:5432/lora_squeeze',
      DATABASE_PASSWORD_FILE: join(secrets, 'postgres_password'),
      SECRETS_KEYS_FILE: join(secrets, 'secrets_keys'),
      STORAGE_URL: 'file:///data/storage',
    });
    assert.ok(redisUrl);
  });

  it('are required of its clients by the queue', async () => {
    make();
    const port = await freePort();
    const script = join(ROOT, 'deploy/compose/start-redis.sh');
    const options = [...queueServerOptions(), '--port', String(port), '--dir', folder];
    const server = spawn('sh', [script, redisProgram(), ...options], {
      env: { TMPDIR: folder, REDIS_PASSWORD_FILE: join(secrets, 'redis_password') },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const password = readFileSync(join(secrets, 'redis_password'), 'utf8').trim();
    const clients: Redis[] = [];
    const ask = (options: { password?: string }) => {
      const client = new Redis({ port, lazyConnect: true, retryStrategy: () => null, ...options });
      clients.push(client.on('error', () => {}));
      return client.ping();
    };
    try {
      for await (const line of createInterface(server.stdout))
        if (line.includes('Ready to accept connections')) break;
      server.stdout.resume();
      await assert.rejects(ask({}), /NOAUTH/);
      assert.equal(await ask({ password }), 'PONG');
      const seen = readFileSync(`/proc/${server.pid}/cmdline`, 'utf8');
      assert.ok(!seen.includes(password), 'every process of the machine could read it');
    } finally {
      for (const client of clients) client.disconnect();
      const exited = once(server, 'exit');
      server.kill('SIGTERM');
      await exited;
    }
  });
});
