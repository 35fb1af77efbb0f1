import assert from 'node:assert/strict';
import { cpSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { succeededResults, succeededTargets } from '../../src/charts/succeeded-targets.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import type { SqueezeOptions } from '../../src/contract/job-request.ts';
import type { Report } from '../../src/contract/report.ts';
import type { Target } from '../../src/contract/target.ts';
import { serviceFixture } from '../clients/service-fixture.ts';
import { Client } from '../e2e/client.ts';
import { fixtureAdapters } from '../e2e/fixtures.ts';
import { succeed } from '../e2e/run-job.ts';
import { readPeftAdapter } from '../oracle/peft-adapter.ts';
import { allowedError, scoreAdapter } from '../oracle/score.ts';
import { run } from './command.ts';
import { assertSameFiles, contentOf, parseResult, withoutAdapterId } from './printed-result.ts';

const folderOf = (name: string): string => fixtureAdapters().find((each) => each.name === name)!.dir;
const GPT2 = folderOf('peft-gpt2-mycguo');

const EVERYTHING: { target: Target; options: SqueezeOptions; args: string } = {
  target: {
    rank: 3,
    min_rank: 2,
    max_rank: 5,
    uniform: false,
    scale: 'keep',
    split: 'a',
    dtype: 'float16',
    revive: true,
    projections: true,
  },
  options: { method: 'rsvd', oversampling: 1, power_iterations: 2, seed: 7 },
  args:
    '--rank 3 --min-rank 2 --max-rank 5 --no-uniform --scale keep --split a --dtype float16 --revive --projections ' +
    '--method rsvd --oversampling 1 --power-iterations 2 --seed 7',
};

describe('lora-squeeze squeeze', () => {
  const at = serviceFixture('cli-squeeze');

  /**
   * The result of the same request over REST, downloaded: the adapter and the files that a job writes with
   * it.
   */
  async function overRest(
    folder: string,
    target: Target,
    options: SqueezeOptions | undefined,
    into: string,
  ): Promise<JobRecord> {
    const client = new Client(at.service.url);
    const { adapter } = await client.upload(folder);
    const job = await succeed(client, {
      kind: 'squeeze',
      adapter_id: adapter.id,
      targets: [target],
      ...(options ? { options } : {}),
    });
    const result = succeededResults(job)[0]!;
    await client.download(result.adapter_id, into);
    for (const { name } of result.training?.files ?? []) {
      writeFileSync(join(into, name), await client.bytes(`/v1/jobs/${job.id}/artifacts/${name}`));
    }
    return job;
  }

  const requests: [what: string, folder: string, target: Target, args: string][] = [
    ['a rank', GPT2, { rank: 4 }, '--rank 4'],
    ['an energy', folderOf('peft-mountain'), { energy: 0.9 }, '--energy 0.9'],
    ['a profile', GPT2, { rank: 4, profile: 'vllm' }, '--profile vllm --rank 4'],
    ['a budget', folderOf('peft-gpt2-niket'), { budget_parameters: 200_000 }, '--budget-parameters 200000'],
    ['ranks by pattern', GPT2, { rank_pattern: { c_attn: 2 } }, '--rank-pattern c_attn=2'],
    ['what the adapter is already', GPT2, { rank: 64 }, '--rank 64'],
  ];
  // Both ways get the target from the same arguments.
  const alsoThroughServer = ['a profile', 'what the adapter is already'];
  for (const [what, folder, target, args] of requests) {
    const isAlsoRemote = alsoThroughServer.includes(what);
    const ways = isAlsoRemote ? 'in place and through a server' : 'in place';
    it(`gives the same result as the service for ${what}, ${ways}`, async () => {
      const base = join(at.folder, what);
      const job = await overRest(folder, target, undefined, join(base, 'rest'));
      const squeeze = ['squeeze', folder, ...args.split(' '), '--out'];
      const all = [parseResult(await run([...squeeze, join(base, 'local')]))];
      if (isAlsoRemote)
        all.push(parseResult(await run([...squeeze, join(base, 'remote'), '--server', at.service.url])));
      for (const made of all) {
        assertSameFiles(made.out, join(base, 'rest'));
        assert.deepEqual(withoutAdapterId(made.result), withoutAdapterId(succeededResults(job)[0]!));
        assert.deepEqual(made.result.target, target);
        assert.equal(made.folder, folder);
        assert.equal(made.sources[0]?.sha256, all[0]!.sources[0]?.sha256);
        assert.deepEqual(made.files, all[0]!.files);
      }
    });
  }

  it('passes every option on, and writes what a trainer needs', async () => {
    const { target, options, args } = EVERYTHING;
    const base = join(at.folder, 'everything');
    const job = await overRest(GPT2, target, options, join(base, 'rest'));
    for (const where of [[], ['--server', at.service.url]]) {
      const out = join(base, `out${where.length}`);
      const made = parseResult(await run(['squeeze', GPT2, ...args.split(' '), '--out', out, ...where]));
      assert.deepEqual(withoutAdapterId(made.result), withoutAdapterId(succeededResults(job)[0]!));
      assert.deepEqual(made.result.target, target);
      const { requested, oversampling, power_iterations, seed } = made.method;
      assert.deepEqual({ method: requested, oversampling, power_iterations, seed }, options);
      assert.ok(contentOf(out).has('projections.safetensors'));
      assertSameFiles(out, join(base, 'rest'));
    }
  });

  it('is as close as the rank allows, compared with the oracle', async () => {
    const out = join(at.folder, 'judged');
    const made = parseResult(await run(['squeeze', GPT2, '--rank', '3', '--method', 'exact', '--out', out]));
    const scores = scoreAdapter(readPeftAdapter(GPT2), readPeftAdapter(out));
    for (const [module, score] of scores) {
      assert.ok(score.actualError <= allowedError(score, 1e-6), `${module}: ${score.actualError}`);
    }
    assert.deepEqual(made.result.rank, { min: 3, max: 3 });
  });

  it('reports what it wrote, with the report on request', async () => {
    const out = join(at.folder, 'reported');
    const made = parseResult(await run(['squeeze', GPT2, '--rank', '2', '--report', '--out', out]));
    const content = contentOf(out);
    assert.deepEqual(
      made.files.map(({ name, bytes }) => [name, bytes]).sort(),
      [...content].map(([name, bytes]) => [name, bytes.length]),
    );
    const report = JSON.parse(content.get('report.json')!.toString('utf8')) as Report;
    assert.equal(succeededTargets(report)[0]?.adapter_id, made.result.adapter_id);
    assert.equal(report.modules.length, 36);
    assert.equal(report.sources[0]?.sha256, made.sources[0]?.sha256);
  });

  it('uses the given number of threads and writes the same bytes', async () => {
    const [one, two] = ['1', '2'].map((threads) => join(at.folder, `threads-${threads}`));
    parseResult(await run(['squeeze', GPT2, '--rank', '5', '--threads', '1', '--out', one!]));
    const made = parseResult(
      await run(['squeeze', GPT2, '--rank', '5', '--threads', '2', '--provider', 'cpu', '--out', two!]),
    );
    assertSameFiles(two!, one!);
    assert.equal((made as unknown as { provider: { threads: number } }).provider.threads, 2);
  });

  it('puts the result beside the folder by default', async () => {
    const source = join(at.folder, 'beside', 'mine');
    cpSync(GPT2, source, { recursive: true });
    const made = parseResult(
      await run(['squeeze', 'mine/', '--rank', '2'], { cwd: join(at.folder, 'beside') }),
    );
    assert.equal(made.out, 'mine-squeezed');
    assert.ok(existsSync(join(at.folder, 'beside', 'mine-squeezed', 'adapter_model.safetensors')));
    assertSameFiles(source, GPT2);
  });
});
