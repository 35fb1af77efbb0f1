import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { BatchRecord } from '../../src/contract/batch.ts';
import type { BatchItem, BatchItemList } from '../../src/contract/batch-item.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import { serviceFixture } from '../clients/service-fixture.ts';
import { documents, ENTRY, type Ended, environment, ROOT, run, runCalls } from './command.ts';
import { assertSameFiles, type PrintedResult } from './printed-result.ts';

const hasJq = spawnSync('jq', ['--version']).status === 0;
const ADAPTER = join(ROOT, 'examples/adapters/gpt2-lora-r8');

interface Line {
  readonly job_id: string;
  readonly state: string;
  readonly rank: { readonly max: number };
}

describe('jobs, batches and watch', () => {
  const at = serviceFixture('cli-server');
  let batch: BatchRecord;
  let items: readonly BatchItem[];
  const itemsOf = async ({ id }: BatchRecord) => {
    const response = await fetch(`${at.service.url}/v1/batches/${id}/items`);
    return ((await response.json()) as BatchItemList).data;
  };
  const env = () => ({ LORA_SQUEEZE_URL: at.service.url });

  /** Runs commands on the server, one after the other. */
  const onServer = (...calls: readonly (readonly string[])[]) =>
    runCalls(calls.map((args) => ({ args, env: env() })));

  function only<T>({ code, stdout, stderr }: Omit<Ended, 'signal'>): T {
    assert.deepEqual([code, stderr], [0, '']);
    const found = documents<T>(stdout);
    assert.equal(found.length, 1);
    return found[0]!;
  }

  before(async () => {
    for (const name of ['one', 'two']) cpSync(ADAPTER, join(at.folder, name), { recursive: true });
    const sources = ['one', 'two'].map((name) => join(at.folder, name));
    const ranks = ['--rank', '2', '--rank', '3'];
    const create = ['batch', 'create', ...sources, ...ranks, '--label', 'team=search'];
    batch = only<BatchRecord>(await run(create, { env: env() }));
    items = await itemsOf(batch);
  });

  it('follow a batch to its end, and summarise its outcome', async () => {
    const [watched, results, listed, labelled, got] = await onServer(
      ['watch', '--batch', batch.id],
      ['batch', 'results', batch.id],
      ['batch', 'list'],
      ['batch', 'list', '--label', 'team=search'],
      ['batch', 'get', batch.id],
    );
    assert.deepEqual([watched!.code, watched!.stderr], [0, '']);
    assert.equal(documents<BatchRecord>(watched!.stdout).at(-1)?.state, 'succeeded');
    const lines = documents<Line>(results!.stdout);
    assert.deepEqual(lines.map(({ state, rank }) => `${state} ${rank.max}`).sort(), [
      'succeeded 2',
      'succeeded 2',
      'succeeded 3',
      'succeeded 3',
    ]);
    assert.ok(documents<BatchRecord>(listed!.stdout).some(({ id }) => id === batch.id));
    assert.equal(documents(labelled!.stdout).length, documents(listed!.stdout).length);
    assert.equal(only<BatchRecord>(got!).progress.total, 2);
  });

  it('do what docs/command.md describes', { skip: hasJq ? false : 'jq is not installed' }, async () => {
    const page = readFileSync(join(ROOT, 'docs/command.md'), 'utf8');
    const block = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].find(([, code]) =>
      code!.includes('lora-squeeze watch'),
    );
    const folder = join(at.folder, 'page');
    for (const name of ['one', 'two']) cpSync(ADAPTER, join(folder, 'adapters', name), { recursive: true });
    const shell = `lora-squeeze() { "${process.execPath}" ${ENTRY.map((each) => `"${each}"`).join(' ')} "$@"; }\n`;
    const child = promisify(execFile)('bash', ['-euc', shell + block![1]!], {
      cwd: folder,
      env: environment(env()),
    });
    const { stdout } = await child;
    assert.equal(stdout.match(/^\["job_\w+","succeeded",[48],[\d.]+,null\]$/gm)?.length, 4, stdout);
    assert.deepEqual(readdirSync(join(folder, 'results')).sort(), ['0', '1']);
  });

  it('list jobs by filters, show them, and watch them', async () => {
    const id = items[0]!.job_id!;
    const [watched, found, limited, none, got] = await onServer(
      ['watch', id],
      ['jobs', 'list', '--batch', batch.id, '--state', 'succeeded', '--state', 'failed'],
      ['jobs', 'list', '--limit', '1'],
      ['jobs', 'list', '--label', 'team=nobody'],
      ['jobs', 'get', id],
    );
    assert.equal(only<JobRecord>(watched!).state, 'succeeded');
    assert.equal(documents<JobRecord>(found!.stdout).length, 2);
    only<JobRecord>(limited!);
    assert.deepEqual([none!.code, none!.stdout], [0, '']);
    assert.equal(only<JobRecord>(got!).id, id);
  });

  it('download every result of a job in the same form as squeeze', async () => {
    const out = join(at.folder, 'downloaded');
    const local = join(at.folder, 'local');
    const [downloaded, again, squeezed] = await onServer(
      ['jobs', 'download', items[0]!.job_id!, '--out', out],
      ['jobs', 'download', items[0]!.job_id!, '--out', out],
      ['squeeze', join(at.folder, 'one'), '--rank', '2', '--rank', '3', '--local', '--out', local],
    );
    assert.equal(documents(downloaded!.stdout).length, 2, downloaded!.stderr);
    assert.match(again!.stderr, /OUTPUT_EXISTS/);
    const made = documents<PrintedResult>(squeezed!.stdout);
    assert.deepEqual(
      made.map(({ out: folder, result }) => [folder, result.rank.max]),
      [
        [join(local, 'r2'), 2],
        [join(local, 'r3'), 3],
      ],
    );
    assertSameFiles(join(out, '0'), join(local, 'r2'));
    assertSameFiles(join(out, '1'), join(local, 'r3'));
  });

  it('squeeze to several ranks through a server as they do locally', async () => {
    const out = join(at.folder, 'remote');
    const [ended] = await onServer([
      'squeeze',
      join(at.folder, 'one'),
      '--rank',
      '2',
      '--rank',
      '3',
      '--report',
      '--out',
      out,
    ]);
    assert.deepEqual([ended!.code, ended!.stderr], [0, '']);
    assert.deepEqual(readdirSync(out).sort(), ['r2', 'r3']);
    assert.ok(JSON.parse(readFileSync(join(out, 'r3/report.json'), 'utf8')));
  });

  it('read jobs and sources from a file, or refuse all of them', async () => {
    const [adapter_id, other] = items.map((item) => item.adapter_id);
    const [jobs, ids, broken] = ['jobs.ndjson', 'ids.txt', 'broken.ndjson'].map((name) =>
      join(at.folder, name),
    );
    writeFileSync(jobs!, `${JSON.stringify({ kind: 'analyze', adapter_id })}\n\n`);
    writeFileSync(ids!, `${adapter_id}\n"${other}"\n`);
    writeFileSync(broken!, '{"kind": \n');
    const [ofJobs, ofIds, ofBroken, ofUnknown] = await onServer(
      ['batch', 'create', '--from', jobs!],
      ['batch', 'create', '--from', ids!, '--rank', '2'],
      ['batch', 'create', '--from', broken!],
      ['batch', 'create', 'ad_none', '--rank', '2'],
    );
    assert.equal((await itemsOf(only<BatchRecord>(ofJobs!)))[0]!.kind, 'analyze');
    assert.equal(only<BatchRecord>(ofIds!).progress.total, 2);
    assert.match(ofBroken!.stderr, /job 1 of .* is not JSON/);
    const [failed] = documents<BatchRecord>(ofUnknown!.stdout);
    assert.deepEqual([ofUnknown!.code, failed!.state], [1, 'failed'], 'nothing of it can be tried');
    const [first] = await onServer(['batch', 'results', failed!.id]);
    const line = only<{ job_id: string | null; error: { code: string } }>(first!);
    assert.deepEqual([line.job_id, line.error.code], [null, 'ADAPTER_NOT_FOUND']);
  });

  it('exit with 1 after a failure, and with 2 after a usage error', async () => {
    const id = items[0]!.job_id!;
    const [cancelled, unknown, both, neither, place] = await onServer(
      ['jobs', 'cancel', id],
      ['jobs', 'get', 'job_none', id],
      ['watch', id, '--batch', batch.id],
      ['jobs', 'retry'],
      ['squeeze', 's3://models/in/x', '--rank', '4', '--local', '--out', 'x'],
    );
    assert.deepEqual([cancelled!.code, documents<{ id: string }>(cancelled!.stdout)[0]!.id], [1, id]);
    assert.equal(unknown!.code, 1);
    assert.equal(documents(unknown!.stdout).length, 2);
    assert.match(unknown!.stderr, /^lora-squeeze: job_none: JOB_NOT_FOUND/);
    for (const ended of [both, neither, place]) assert.equal(ended!.code, 2);
    assert.match(place!.stderr, /s3:\/\/models\/in\/x needs a server: set --server as well/);
    const nowhere = await run(['jobs', 'list']);
    assert.equal(nowhere.code, 2);
    assert.match(nowhere.stderr, /specify the server \(--server URL, or LORA_SQUEEZE_URL\)/);
  });

  it('name the flag, not the field, of an impossible value', async () => {
    const one = join(at.folder, 'one');
    const format = ['squeeze', one, '--format', 'gguf', '--out', join(at.folder, 'never')];
    const ended = await onServer(format, [...format, '--local']);
    for (const { code, stderr } of ended) {
      assert.notEqual(code, 0);
      assert.match(stderr, /--architecture/);
      assert.doesNotMatch(stderr, /format_options|targets\[/);
    }
  });
});
