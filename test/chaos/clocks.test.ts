import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { tryClocks } from './clocks.ts';

/** `npm run chaos` submits more jobs at each jump. */
describe('clocks that jump by a day, forward and back', () => {
  it('lose no job and delay none', async (t) => {
    const report = await tryClocks({
      folder: mkdtempSync(join(tmpdir(), 'squeeze-clocks-')),
      entry: 'source',
      jobs: 3,
      say: (line) => t.diagnostic(line),
    });
    if (typeof report === 'string') t.skip(report);
    else t.diagnostic(JSON.stringify(report));
  });
});
