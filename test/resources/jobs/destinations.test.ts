import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Target } from '../../../src/contract/target.ts';
import { inFolder, resolveDestinations, targetFolders } from '../../../src/resources/jobs/destinations.ts';

const TWO: Target[] = [{ rank: 16 }, { rank: 8 }];

describe('a destination of several targets', () => {
  it('has a folder for each, named after the target', () => {
    const targets: Target[] = [
      { rank: 16 },
      { energy: 0.95 },
      { budget_bytes: 1_000_000 },
      { knee: true },
      { rank: 16, format: 'mlx' },
      { rank: 16, profile: 'a/b' },
      { rank: 16, dtype: 'match' },
      { rank: 16, split: 'b' },
    ];
    assert.deepEqual(targetFolders(targets), [
      ...['r16', 'energy-0.95', 'bytes-1000000', 'knee', 'r16-mlx', 'r16-a_b', 'r16-2', 'r16-3'],
    ]);
  });

  it('is a text, an object, or a list of places', () => {
    assert.deepEqual(resolveDestinations('s3://models/out/', [TWO[0]!]), [
      { target: 0, to: 's3://models/out/' },
    ]);
    assert.deepEqual(resolveDestinations({ to: 'hf://team/small@main', include: [] }, TWO), [
      { target: 0, to: 'hf://team/small@main/r16', include: [] },
      { target: 1, to: 'hf://team/small@main/r8', include: [] },
    ]);
    assert.deepEqual(
      resolveDestinations([{ to: 's3://a/b' }, { target: 1, to: 's3://a/c', include: ['report'] }], TWO),
      [
        { target: 0, to: 's3://a/b' },
        { target: 1, to: 's3://a/c', include: ['report'] },
      ],
    );
    assert.throws(
      () => resolveDestinations([{ target: 2, to: 's3://a/b' }], TWO),
      /deliver\[0\]\.target is 2/,
    );
  });

  it('may be a folder inside another one', () => {
    assert.equal(inFolder(inFolder('s3://models/out/', 'one'), 'r8'), 's3://models/out/one/r8');
    const bucket = { kind: 's3', bucket: 'models', prefix: '' } as const;
    assert.deepEqual(inFolder(inFolder(bucket, 'one'), 'r8'), { ...bucket, prefix: 'one/r8' });
    const hub = { kind: 'hub', repo: 'team/small', token: 'hf_x' } as const;
    assert.deepEqual(inFolder(hub, 'r8'), { ...hub, path_in_repo: 'r8' });
    const files = { kind: 'url', files: { weights: { url: 'https://host/a' } } } as const;
    assert.throws(() => resolveDestinations({ to: files }, TWO), /fit one target only/);
  });
});
