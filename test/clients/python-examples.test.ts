import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import { readPeftAdapter } from '../oracle/peft-adapter.ts';
import { PYTHON, runProgram, skipWithoutPython } from './python.ts';
import { serviceFixture } from './service-fixture.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const EXAMPLES = join(ROOT, 'examples/python');
const ADAPTER = join(ROOT, 'examples/adapters/gpt2-lora-r8');

describe('examples/python', { skip: skipWithoutPython('httpx') }, () => {
  const fixture = serviceFixture('python-examples');
  let env: Readonly<Record<string, string>>;
  before(() => {
    env = { LORA_SQUEEZE_URL: fixture.service.url };
  });
  const get = async <T>(path: string) => (await (await fetch(`${fixture.service.url}${path}`)).json()) as T;

  it('squeezes as a step of a container, and its exit code tells whether to retry', async () => {
    const step = join(EXAMPLES, 'container_step.py');
    const out = join(fixture.folder, 'step');
    const first = await runProgram(step, [ADAPTER, '4', out], { env });
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stdout, /^ad_\w+\n$/);
    assert.deepEqual(readdirSync(out).sort(), [
      'README.md',
      'adapter_config.json',
      'adapter_model.safetensors',
      'report.html',
    ]);
    for (const { rank } of readPeftAdapter(out).modules.values()) assert.equal(rank, 4);

    const { parent_id: id } = await get<AdapterRecord>(`/v1/adapters/${first.stdout.trim()}`);
    const again = { env: { ...env, STEP_ID: 'workflow-1-squeeze' } };
    const results = [
      await runProgram(step, [id!, '2', join(fixture.folder, 'a')], again),
      await runProgram(step, [id!, '2', join(fixture.folder, 'b')], again),
    ];
    assert.equal(results[0]!.stdout, results[1]!.stdout, 'a second try gets the job of the first');
    assert.equal((await runProgram(step, [id!, '0', out], { env })).code, 1);
    assert.equal((await runProgram(step, ['ad_none', '2', out], { env })).code, 1);
  });

  it('has a step for Argo that retries if the step asks for it', () => {
    const workflow = parse(readFileSync(join(EXAMPLES, 'argo.yaml'), 'utf8')) as {
      spec: { templates: { retryStrategy: { expression: string }; container: { command: string[] } }[] };
    };
    const [template] = workflow.spec.templates;
    assert.equal(template!.retryStrategy.expression, 'asInt(lastRetry.exitCode) == 75');
    assert.deepEqual(template!.container.command, ['python', '/container_step.py']);
  });

  it('logs result and report to an MLflow run', async () => {
    const runs = join(fixture.folder, 'mlflow');
    mkdirSync(join(runs, 'run-1'), { recursive: true });
    cpSync(ADAPTER, join(runs, 'run-1/adapter'), { recursive: true });
    const script = join(EXAMPLES, 'mlflow_squeeze.py');
    const ended = await runProgram(script, ['run-1', 'adapter', '2'], {
      env: { ...env, MLFLOW_FOLDER: runs },
    });
    assert.equal(ended.code, 0, ended.stderr);
    const read = (name: string) => JSON.parse(readFileSync(join(runs, 'run-1', name), 'utf8'));
    assert.equal(read('metrics.json')['squeeze.rank'], 2);
    assert.equal(read('adapter-r2/report.json').kind, 'squeeze');
    assert.match(readFileSync(join(runs, 'run-1/adapter-r2/report.html'), 'utf8'), /^<!doctype html>/i);
    for (const { rank } of readPeftAdapter(join(runs, 'run-1/adapter-r2')).modules.values())
      assert.equal(rank, 2);
    const tags = read('tags.json') as Record<string, string>;
    const job = await get<{ labels: Record<string, string> }>(`/v1/jobs/${tags['lora_squeeze.job_id']}`);
    assert.deepEqual(job.labels, { 'mlflow.runId': 'run-1' });
  });

  it('waits in the triggerer of Airflow', async () => {
    const source = await runProgram(
      join(EXAMPLES, 'container_step.py'),
      [ADAPTER, '4', join(fixture.folder, 'c')],
      { env },
    );
    const folders = [join(ROOT, 'clients/python/src'), join(ROOT, 'test/clients/stand_in'), EXAMPLES];
    const run = join(ROOT, 'test/clients/run_airflow.py');
    const ended = await runProgram(run, [source.stdout.trim(), '2', '3'], { env, folders });
    assert.equal(ended.code, 0, ended.stderr);
    const { squeezed, failed } = JSON.parse(ended.stdout) as { squeezed: string[]; failed: string };
    const ranks = await Promise.all(
      squeezed.map(async (id) => (await get<AdapterRecord>(`/v1/adapters/${id}`)).ranks),
    );
    assert.deepEqual(ranks, [
      { min: 2, max: 2 },
      { min: 3, max: 3 },
    ]);
    assert.match(failed, /^job job_\w+ failed: .*BUDGET_TOO_SMALL/);
  });

  it('compiles completely', async () => {
    for (const name of readdirSync(EXAMPLES).filter((each) => each.endsWith('.py'))) {
      const check = `import sys; compile(open(sys.argv[1]).read(), sys.argv[1], "exec")`;
      const { code, stderr } = await runProgram('-c', [check, join(EXAMPLES, name)], { python: PYTHON });
      assert.equal(code, 0, stderr);
    }
  });
});
