import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { sourceName, sourcePaths } from '../../src/cli/source-folder.ts';
import { AppError } from '../../src/errors/app-error.ts';
import { serviceFixture } from '../clients/service-fixture.ts';
import { fixtureAdapters } from '../e2e/fixtures.ts';
import { buildSafetensors, parseSafetensors } from '../oracle/safetensors.ts';
import { documents, ROOT, run, runCalls } from './command.ts';
import { assertSameFiles, contentOf, type PrintedResult, parseResult } from './printed-result.ts';

const GPT2 = fixtureAdapters().find(({ name }) => name === 'peft-gpt2-mycguo')!.dir;
const ADAPTERS = join(ROOT, 'test/fixtures/adapters');
const WEIGHTS = 'adapter_model.safetensors';
const CONFIG = 'adapter_config.json';

describe('an adapter given by its path', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'cli-sources-'));
  after(() => rmSync(scratch, { recursive: true, force: true }));

  function folder(name: string, ...files: readonly string[]): string {
    const path = join(scratch, name);
    mkdirSync(path);
    for (const file of files) writeFileSync(join(path, file), '');
    return path;
  }
  const refused = (source: string, code: string, words: RegExp): Promise<void> =>
    assert.rejects(sourcePaths(source), (error) => {
      assert.ok(error instanceof AppError);
      assert.equal(error.code, code);
      assert.match(error.message, words);
      return true;
    });

  it('is a folder with one weights file, and with its configuration if it has one', async () => {
    const kohya = folder('kohya', 'style.safetensors', 'preview.png', 'README.md');
    assert.deepEqual(await sourcePaths(kohya), {
      weights: join(kohya, 'style.safetensors'),
      config: null,
      card: join(kohya, 'README.md'),
    });
    const mlx = folder('mlx', 'adapters.safetensors', '0000100_adapters.safetensors', CONFIG);
    assert.deepEqual(await sourcePaths(mlx), {
      weights: join(mlx, 'adapters.safetensors'),
      config: join(mlx, CONFIG),
      card: null,
    });
    const gguf = folder('gguf', 'lora-f16.gguf');
    assert.equal((await sourcePaths(gguf)).weights, join(gguf, 'lora-f16.gguf'));
    // A folder is not a weights file, whatever its name.
    mkdirSync(join(gguf, 'x.safetensors'));
    assert.equal((await sourcePaths(gguf)).weights, join(gguf, 'lora-f16.gguf'));
  });

  it('is a file, with the configuration beside it if the file has a usual name', async () => {
    const peft = folder('peft', WEIGHTS, CONFIG, 'README.md', 'other.safetensors');
    assert.deepEqual(await sourcePaths(join(peft, WEIGHTS)), {
      weights: join(peft, WEIGHTS),
      config: join(peft, CONFIG),
      card: join(peft, 'README.md'),
    });
    const other = join(peft, 'other.safetensors');
    assert.deepEqual(await sourcePaths(other), { weights: other, config: null, card: null });
    assert.deepEqual(
      [sourceName(other), sourceName(`${peft}/`), sourceName('a/b v1.2.gguf')],
      ['other', 'peft', 'b v1.2'],
    );
  });

  it('is the last checkpoint of a training that has no weights itself', async () => {
    const training = folder('training', 'training_args.bin', 'trainer_state.json');
    const saved = [WEIGHTS, CONFIG, 'optimizer.pt', 'scheduler.pt', 'rng_state.pth'];
    for (const step of ['500', '1500', '1000']) folder(`training/checkpoint-${step}`, ...saved);
    folder('training/checkpoint-best');
    const last = join(training, 'checkpoint-1500');
    assert.deepEqual(await sourcePaths(training), {
      weights: join(last, WEIGHTS),
      config: join(last, CONFIG),
      card: null,
    });
    writeFileSync(join(training, WEIGHTS), '');
    assert.equal((await sourcePaths(training)).weights, join(training, WEIGHTS));
  });

  it('may be split over several files, all of which must be there', async () => {
    const [one, two] = [1, 2].map((number) => `model-0000${number}-of-00002.safetensors`) as [string, string];
    const cut = folder('cut', one, two, 'model.safetensors.index.json', CONFIG);
    const files = [one, two].map((name) => ({ name, path: join(cut, name) }));
    assert.deepEqual(await sourcePaths(cut), {
      weights: { files, index: { name: 'model.safetensors.index.json', bytes: Buffer.alloc(0) } },
      config: join(cut, CONFIG),
      card: null,
    });
    assert.deepEqual(
      await sourcePaths(join(cut, two)),
      await sourcePaths(cut),
      'a part stands for the whole',
    );
    rmSync(join(cut, one));
    await refused(join(cut, two), 'FILE_MISSING', /"model-00001-of-00002\.safetensors"/);
    await refused(cut, 'FILE_MISSING', /2 files, and these are missing: "model-00001-of-00002\.safetensors"/);
  });

  it('is refused with the place at which it cannot be found', async () => {
    const two = folder('two', 'a.safetensors', 'b.safetensors');
    await refused(
      two,
      'FILE_MISSING',
      /two contains 2 weights files \("a\.safetensors", "b\.safetensors"\).*specify the one to use/,
    );
    await refused(join(two, 'c.gguf'), 'FILE_MISSING', /There is no file .*c\.gguf/);
    await refused(join(scratch, 'none'), 'FILE_MISSING', /There is no folder .*none/);
    const pickle = folder('pickle', 'adapter_model.bin', CONFIG);
    await refused(pickle, 'PICKLE_REFUSED', /python -c ".*'adapter_model\.bin'/);
    await refused(join(pickle, 'adapter_model.bin'), 'PICKLE_REFUSED', /python -c/);
    await refused(join(pickle, CONFIG), 'FILE_MISSING', /neither a folder nor a weights file/);
  });
});

describe('lora-squeeze with folders and files', () => {
  const at = serviceFixture('cli-sources');

  it('gives the same result whatever the name of the file, locally and through a server', async () => {
    const named = join(at.folder, 'named');
    mkdirSync(named);
    cpSync(join(GPT2, WEIGHTS), join(named, 'my style.safetensors'));
    cpSync(join(GPT2, CONFIG), join(named, CONFIG));
    const cut = join(at.folder, 'cut');
    mkdirSync(cut);
    cpSync(join(GPT2, CONFIG), join(cut, CONFIG));
    writeShards(cut, readFileSync(join(GPT2, WEIGHTS)));
    const squeeze = ['squeeze', '--rank', '2', '--out'];
    const ways: [what: string, ...args: string[]][] = [
      ['usual', GPT2],
      ['folder', named],
      ['file', join(GPT2, WEIGHTS)],
      ['shards', cut],
      ['remote', named, '--server', at.service.url],
      ['remote-shards', cut, '--server', at.service.url],
      ['remote-file', join(GPT2, WEIGHTS), '--server', at.service.url],
    ];
    const ended = await runCalls(
      ways.map(([what, ...args]) => ({ args: [...squeeze, join(at.folder, what), ...args] })),
    );
    const [usual, ...others] = ended.map(parseResult) as [PrintedResult, ...PrintedResult[]];
    for (const [i, made] of others.entries()) {
      const [what, source] = ways[i + 1]!;
      assertSameFiles(made.out, usual.out);
      // The joined shards have their tensors in another order.
      if (!what.includes('shards')) assert.equal(made.sources[0]?.sha256, usual.sources[0]?.sha256, what);
      assert.equal(made.folder, source);
    }
  });

  it('names the license of a model card of any size, locally and through a server', async () => {
    const source = join(at.folder, 'licensed');
    cpSync(GPT2, source, { recursive: true });
    writeFileSync(join(source, 'README.md'), '---\nlicense: mit\n---\n'.padEnd(2_000_000, '#'));
    const squeeze = (out: string) => ['squeeze', source, '--rank', '2', '--out', join(at.folder, out)];
    const ended = await runCalls([
      { args: squeeze('licensed-here') },
      { args: [...squeeze('licensed-there'), '--server', at.service.url] },
    ]);
    for (const { out } of ended.map(parseResult))
      assert.match(readFileSync(join(out, 'README.md'), 'utf8'), /^license: mit$/m);
  });

  it('reads real adapters of other formats, as folders and files, and the results of all of them again', async () => {
    const formats = [
      ['mlx', join(ADAPTERS, 'mlx-qwen25-05b-r8'), ['adapters.safetensors', CONFIG]],
      [
        'kohya',
        join(ADAPTERS, 'derived-kohya-skinlesion/skinlesion_kohya.safetensors'),
        ['lora.safetensors'],
      ],
      ['cloneofsimo', join(ADAPTERS, 'cloneofsimo-analog-svd-r4'), ['lora.safetensors']],
    ] as const;
    const ofAdapter = (made: PrintedResult) =>
      made.files.map((file) => file.name).filter((file) => file !== 'README.md');
    const squeeze = (source: string, out: string, ...more: readonly string[]) => ({
      args: ['squeeze', source, '--rank', '2', '--out', join(at.folder, out), ...more],
    });
    const ended = await runCalls(formats.map(([name, source]) => squeeze(source, name)));
    const local = ended.map(parseResult);
    for (const [i, [name, , files]] of formats.entries()) {
      assert.deepEqual(ofAdapter(local[i]!), files);
      assert.equal(local[i]!.result.format, name);
    }
    const [mlx, kohya] = local as [PrintedResult, PrintedResult];
    const before = contentOf(mlx.out);
    // A server gives the same; --force recognises a result that exists, and a result can be a source.
    const again = await runCalls([
      squeeze(formats[0][1], 'mlx', '--force', '--server', at.service.url),
      squeeze(formats[1][1], 'kohya-again', '--server', at.service.url),
      squeeze(kohya.out, 'same'),
    ]);
    const [, remote, same] = again.map(parseResult) as [PrintedResult, PrintedResult, PrintedResult];
    assert.deepEqual(contentOf(mlx.out), before);
    assertSameFiles(remote.out, kohya.out);
    assert.deepEqual(ofAdapter(same), formats[1][2]);
  });

  it('reports that a result in another format does not load where PEFT is required', async () => {
    const source = join(ADAPTERS, 'derived-kohya-skinlesion');
    const out = join(at.folder, 'judged');
    const judged = parseResult(
      await run(['squeeze', source, '--rank', '2', '--profile', 'peft', '--out', out]),
    );
    assert.equal(judged.result.serving?.loads, false);
    const files = judged.result.serving!.rules.find(({ rule }) => rule === 'file-names')!;
    assert.match(
      files.detail,
      /adapter_config\.json are missing: the adapter is in the format kohya; set format to "peft"/,
    );
    const refused = await run(['squeeze', source, '--rank', '2', '--profile', 'vllm', '--format', 'kohya']);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /profile is "vllm", and vLLM loads peft/);
  });

  it('puts the result of a file beside it, under the name of the file', async () => {
    const folder = join(at.folder, 'beside');
    cpSync(GPT2, folder, { recursive: true });
    const made = parseResult(await run(['squeeze', '--rank', '64', join(folder, WEIGHTS)]));
    assert.equal(made.out, join(folder, 'adapter_model-squeezed'));
    assert.ok(existsSync(join(made.out, WEIGHTS)) && existsSync(join(made.out, CONFIG)));
  });

  it('explains how to convert a pickle, and what a format requires', async () => {
    const folder = join(at.folder, 'content');
    mkdirSync(folder);
    writeFileSync(join(folder, 'x.safetensors'), Buffer.from('\x80\x04\x95 and more than that', 'latin1'));
    cpSync(join(GPT2, WEIGHTS), join(folder, 'y.safetensors'));
    const ended = await run([
      ...['squeeze', join(folder, 'x.safetensors'), join(folder, 'y.safetensors')],
      ...['--rank', '2', '--out', join(at.folder, 'never')],
    ]);
    assert.equal(ended.code, 1);
    const [pickle, peft] = documents<PrintedResult>(ended.stdout);
    assert.deepEqual([pickle?.error?.code, peft?.error?.code], ['PICKLE_REFUSED', 'FILE_MISSING']);
    assert.match(pickle!.error!.detail, /python -c "import torch/);
    assert.match(peft!.error!.detail, /adapter_config\.json is required/);
  });
});

/** Cuts a file of weights in two. */
function writeShards(folder: string, whole: Buffer): void {
  const { tensors, metadata } = parseSafetensors(whole);
  const entries = [...tensors];
  const middle = Math.floor(entries.length / 2);
  for (const [index, part] of [entries.slice(0, middle), entries.slice(middle)].entries()) {
    const name = `model-0000${index + 1}-of-00002.safetensors`;
    writeFileSync(join(folder, name), buildSafetensors(Object.fromEntries(part), metadata));
  }
}
