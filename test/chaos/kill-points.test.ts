import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { tryKillPoints } from './try-kill-points.ts';

describe('processes that are killed where a crash may leave work half done', {
  skip: process.platform !== 'linux',
}, () => {
  it('lose nothing, do nothing twice, and leave nothing', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'squeeze-points-'));
    const report = await tryKillPoints({ folder, entry: 'source', say: (line) => t.diagnostic(line) });
    if (typeof report === 'string') return t.skip(report);
    t.diagnostic(JSON.stringify(report));
    assert.equal(report.points, 13);
    return undefined;
  });
});
