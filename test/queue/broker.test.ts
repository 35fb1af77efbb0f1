import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { Redis } from 'ioredis';
import { Broker, brokerCommand } from '../../src/queue/broker.ts';
import { BrokerError } from '../../src/queue/broker-folder.ts';
import { programEntry } from '../entry.ts';
import { isGone, isRunning, SILENT, startBroker, until, withFolder } from './harness.ts';

const BROKER_PROGRAM = join(import.meta.dirname, 'broker.program.ts');

async function ask<T>(socketPath: string, question: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis({ path: socketPath, maxRetriesPerRequest: 1 });
  try {
    return await question(redis);
  } finally {
    redis.disconnect();
  }
}

/** Runs `broker.program.ts`, which prints the address of the server and its process id on one line. */
async function brokerProcess(dataDir: string, searchPath = process.env.PATH ?? '') {
  const child = spawn(process.execPath, [...programEntry(BROKER_PROGRAM), dataDir, searchPath], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return { child, ...(JSON.parse(line) as { socketPath: string; serverPid: number }) };
}

describe('the private Redis', () => {
  it('listens on a socket of this user only, writes nothing to disk and evicts nothing', () =>
    withFolder(async (folder) => {
      const broker = await startBroker(folder);
      try {
        assert.equal((await stat(join(folder, 'broker'))).mode & 0o777, 0o700);
        assert.equal((await stat(broker.socketPath)).mode & 0o077, 0);
        const config = await ask(broker.socketPath, async (redis) => {
          const names = ['port', 'appendonly', 'maxmemory-policy', 'save'];
          const pairs = await Promise.all(
            names.map((name) => redis.config('GET', name) as Promise<string[]>),
          );
          return Object.fromEntries(pairs.map(([name, value]) => [name, value]));
        });
        assert.deepEqual(config, {
          port: '0',
          appendonly: 'no',
          'maxmemory-policy': 'noeviction',
          save: '',
        });
      } finally {
        await broker.close();
      }
    }));

  it('is gone with all its data after close, and can be started again', () =>
    withFolder(async (folder) => {
      const first = await startBroker(folder);
      const { pid } = first;
      await ask(first.socketPath, (redis) => redis.set('queued', 'yes'));
      await first.close();
      assert.equal(isRunning(pid!), false);
      assert.deepEqual(await readdir(join(folder, 'broker')), []);
      const second = await startBroker(folder);
      assert.equal(await ask(second.socketPath, (redis) => redis.get('queued')), null);
      await second.close();
      await second.close();
    }));

  it('ends with a parent that is killed, and leaves the folder usable', () =>
    withFolder(async (folder) => {
      const { child, serverPid } = await brokerProcess(folder);
      child.kill('SIGKILL');
      await isGone(serverPid);
      const next = await startBroker(folder);
      assert.equal(await ask(next.socketPath, (redis) => redis.ping()), 'PONG');
      await next.close();
    }));

  it('replaces a server that outlived its parent, if setpriv is missing', () =>
    withFolder(async (folder) => {
      const bin = join(folder, 'bin');
      await mkdir(bin);
      const { leadingArguments } = await brokerCommand(process.env.PATH ?? '');
      const server = leadingArguments.at(-1)!;
      await symlink(server, join(bin, 'redis-server'));
      const { child, serverPid } = await brokerProcess(folder, bin);
      child.kill('SIGKILL');
      await once(child, 'exit');
      assert.equal(isRunning(serverPid), true, 'nothing outlived its parent: the test is void');
      const next = await startBroker(folder);
      await isGone(serverPid);
      assert.equal(await ask(next.socketPath, (redis) => redis.ping()), 'PONG');
      await next.close();
    }));

  it('is refused a second time on the same folder, naming the process that uses it', () =>
    withFolder(async (folder) => {
      const { child } = await brokerProcess(folder);
      await assert.rejects(startBroker(folder), (error: Error) => {
        assert(error instanceof BrokerError);
        assert.match(error.message, new RegExp(`in use by process ${child.pid}: .*DATA_DIR`));
        return true;
      });
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
      assert.deepEqual(
        (await readdir(join(folder, 'broker'))).filter((name) => name.startsWith('owner')),
        [],
      );
    }));

  it('takes over from an owner in another container, unless a server still listens', () =>
    withFolder(async (folder) => {
      await mkdir(join(folder, 'broker'));
      await writeFile(join(folder, 'broker/owner'), 'otherplace-17-123');
      const broker = await startBroker(folder);
      await writeFile(join(folder, 'broker/owner'), 'otherplace-17-123');
      await assert.rejects(startBroker(folder), /in use by process 17/);
      await broker.close();
      assert.equal(await readFile(join(folder, 'broker/owner'), 'utf8'), 'otherplace-17-123');
    }));

  it('is claimed by one of many processes that start at once', () =>
    withFolder(async (folder) => {
      const starts = await Promise.allSettled(Array.from({ length: 5 }, () => startBroker(folder)));
      const started = starts.filter((start) => start.status === 'fulfilled');
      assert.equal(started.length, 1);
      for (const start of starts) {
        if (start.status === 'rejected') assert.match(String(start.reason), /in use by process/);
      }
      await started[0]!.value.close();
    }));

  it('is started again when it dies', () =>
    withFolder(async (folder) => {
      const broker = await startBroker(folder);
      const first = broker.pid!;
      process.kill(first, 'SIGKILL');
      await until('another server', () => (broker.pid && broker.pid !== first ? broker.pid : undefined));
      await until('its answer', () => ask(broker.socketPath, (redis) => redis.ping()).catch(() => undefined));
      await broker.close();
    }));

  it('finds a short path for its socket if the folder is nested too deep', async () => {
    const deep = await mkdtemp(join(tmpdir(), `${'d'.repeat(120)}-`));
    try {
      const broker = await startBroker(deep);
      assert.ok(Buffer.byteLength(broker.socketPath) <= 107);
      assert.equal((await stat(join(broker.socketPath, '..'))).mode & 0o777, 0o700);
      assert.equal(await ask(broker.socketPath, (redis) => redis.ping()), 'PONG');
      await broker.close();
      await rm(join(broker.socketPath, '..'), { recursive: true });
    } finally {
      await rm(deep, { recursive: true });
    }
  });

  it('explains what to install if there is no server', () =>
    withFolder(async (folder) => {
      const start = Broker.start({ dataDir: folder, searchPath: folder, logger: SILENT });
      await assert.rejects(start, (error: Error) => {
        assert(error instanceof BrokerError);
        assert.match(
          error.message,
          /^Neither valkey-server nor redis-server is on PATH.*apt-get install redis-server/,
        );
        return true;
      });
    }));

  it('passes nothing of our environment, which may contain credentials, to the server', () =>
    withFolder(async (folder) => {
      const bin = join(folder, 'bin');
      await mkdir(bin);
      await writeFile(join(bin, 'redis-server'), '#!/bin/sh\n/usr/bin/env\nexit 1\n', { mode: 0o755 });
      process.env.AWS_SECRET_ACCESS_KEY = 'not-for-redis';
      try {
        const start = Broker.start({ dataDir: folder, searchPath: bin, logger: SILENT });
        await assert.rejects(start, ({ message }: Error) => {
          assert.match(message, /TZ=UTC/);
          assert.doesNotMatch(message, /not-for-redis|HOME=/);
          return true;
        });
      } finally {
        delete process.env.AWS_SECRET_ACCESS_KEY;
      }
    }));

  it("quotes the server's output if it does not start", () =>
    withFolder(async (folder) => {
      const bin = join(folder, 'bin');
      await mkdir(bin);
      await writeFile(join(bin, 'redis-server'), '#!/bin/sh\necho out of luck\nexit 1\n', { mode: 0o755 });
      await assert.rejects(
        Broker.start({ dataDir: folder, searchPath: bin, logger: SILENT }),
        /^BrokerError: The private Redis server ended with exit code 1 before it was ready\.\n {2}out of luck$/,
      );
      assert.deepEqual(await readdir(join(folder, 'broker')), []);
    }));
});

describe('brokerCommand', () => {
  it('prefers valkey-server, and ends the server with its parent if setpriv is installed', () =>
    withFolder(async (folder) => {
      const program = async (name: string) => {
        await writeFile(join(folder, name), '', { mode: 0o755 });
        return brokerCommand(`/nowhere::${folder}`);
      };
      await writeFile(join(folder, 'valkey-server'), '', { mode: 0o644 });
      assert.deepEqual(await program('redis-server'), {
        program: join(folder, 'redis-server'),
        leadingArguments: [],
      });
      await rm(join(folder, 'valkey-server'));
      assert.equal((await program('valkey-server')).program, join(folder, 'valkey-server'));
      assert.deepEqual(await program('setpriv'), {
        program: join(folder, 'setpriv'),
        leadingArguments: ['--pdeathsig', 'TERM', join(folder, 'valkey-server')],
      });
    }));
});
