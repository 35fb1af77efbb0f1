import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, describe, it } from 'node:test';
import { ENTRY, environment, ROOT, run } from './command.ts';

describe('lora-squeeze serve', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'cli-serve-'));
  after(() => rmSync(scratch, { recursive: true, force: true }));

  it('is the service: it answers, and stops cleanly', async () => {
    const child = spawn(process.execPath, [...ENTRY, 'serve'], {
      cwd: ROOT,
      env: environment({ PORT: '0', DATA_DIR: join(scratch, 'data') }),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'close');
    try {
      const url = await new Promise<string>((resolve, reject) => {
        createInterface(child.stdout).on('line', (line) => {
          const found = /listens on (http:\/\/[^"\s]+)/.exec(line);
          if (found) resolve(found[1]!);
        });
        void ended.then(([code]) => reject(new Error(`ended with ${code}`)));
      });
      assert.equal((await fetch(`${url}/livez`)).status, 200);
      assert.equal((await fetch(`${url}/v1/capabilities`)).status, 200);
    } finally {
      child.kill('SIGTERM');
    }
    assert.deepEqual(await ended, [0, null]);
  });

  it('refuses a configuration as the service does', async () => {
    const ended = await run(['serve'], { env: { PORT: 'none', DATA_DIR: join(scratch, 'none') } });
    assert.equal(ended.code, 2);
    assert.match(ended.stderr, /PORT is "none"/);
  });
});
