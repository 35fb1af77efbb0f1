import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { commandLine, descendantsOf, hasMapped, isAlive, peakResidentBytes } from './process-tree.ts';
import { unzip } from './zip.ts';

const MADE_ZIP = `
import sys, zipfile
with zipfile.ZipFile(sys.stdout.buffer, 'w') as archive:
    archive.writestr('folder/deflated.txt', 'squeeze ' * 1000, zipfile.ZIP_DEFLATED)
    archive.writestr('stored.bin', bytes([0, 1, 2]), zipfile.ZIP_STORED)
`;

const onLinux = existsSync('/proc/self/stat');

describe('end-to-end harness', () => {
  it('unpacks stored and deflated files', async () => {
    const long = Buffer.from('squeeze '.repeat(1000));
    const made = execFileSync('python3', ['-c', MADE_ZIP]);
    const files = unzip(made);
    assert.deepEqual([...files.keys()], ['folder/deflated.txt', 'stored.bin']);
    assert.ok(files.get('folder/deflated.txt')!.equals(long));
    assert.deepEqual([...files.get('stored.bin')!], [0, 1, 2]);
  });

  it('finds grandchildren, inspects them, and notices when they are gone', { skip: !onLinux }, async () => {
    const script = "require('child_process').spawn('sleep', ['321'], { stdio: 'ignore' }); console.log('up')";
    const child = spawn(process.execPath, ['-e', `${script}; setInterval(() => {}, 1e6)`]);
    try {
      await once(child.stdout, 'data');
      const found = descendantsOf(process.pid);
      const node = found.find(({ pid }) => pid === child.pid)!;
      const sleeper = found.find((each) => commandLine(each) === 'sleep 321')!;
      assert.ok(isAlive(node) && isAlive(sleeper));
      assert.deepEqual(
        descendantsOf(child.pid!).map(({ pid }) => pid),
        [sleeper.pid],
      );
      assert.ok(
        !isAlive({ ...sleeper, startTicks: sleeper.startTicks - 1 }),
        'another process of that number',
      );
      assert.ok(peakResidentBytes(node) > peakResidentBytes(sleeper) && peakResidentBytes(sleeper) > 0);
      assert.ok(hasMapped(sleeper, 'libc') && !hasMapped(sleeper, 'onnxruntime'));
      process.kill(sleeper.pid);
      while (isAlive(sleeper)) await sleep(10);
      assert.deepEqual([commandLine(sleeper), peakResidentBytes({ pid: 2 ** 30 })], ['', 0]);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });
});
