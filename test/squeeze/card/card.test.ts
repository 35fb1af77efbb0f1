import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { FORMAT_NAMES } from '../../../src/adapter/format-name.ts';
import { formatPercent } from '../../../src/charts/format.ts';
import { type CardContent, MAX_ROWS, modelCard, usage } from '../../../src/squeeze/card/card.ts';
import { PRODUCT } from '../../../src/version.ts';
import { computeFixture } from '../compute-fixture.ts';
import { someModules, squeezing } from '../make-adapter.ts';
import { merging, sourceOf } from '../merging.ts';

const compute = computeFixture();

/** The front matter and what follows it. */
function split(card: string): { front: Record<string, unknown>; body: string } {
  const [, yaml, body] = /^---\n([\s\S]*?)\n---\n([\s\S]*)$/.exec(card)!;
  return { front: parse(yaml!), body: body! };
}

const rowsOf = (body: string): string[] => body.split('\n').filter((line) => line.startsWith('| `'));

const content = (changes: Partial<CardContent> = {}): CardContent => ({
  kind: 'squeeze',
  format: 'peft',
  baseModel: 'org/base',
  weightsName: 'adapter_model.safetensors',
  sources: [{ id: 'ad_1', sha256: 'f'.repeat(64), bytes: 9, base_model: 'org/base', weight: 1 }],
  result: {
    target: { rank: 4 },
    state: 'succeeded',
    format: 'peft',
    rank: { min: 4, max: 4 },
    bytes: 1000,
    parameters: 250,
    relative_error: 0.123456,
    energy_retained: 0.984758,
    module_relative_error: 0.2345678,
    worst_module: null,
    warnings: [],
    serving: null,
    training: null,
  },
  modules: [],
  ranksBefore: [8],
  ...changes,
});

const moduleNamed = (name: string) => ({
  name,
  rank: 4,
  relative_error: 0.25,
  optimal_error: null,
  energy_retained: 0.9375,
  passthrough: false,
});

describe('the model card of a squeeze', () => {
  it('has both errors', () => {
    const { body } = split(modelCard(content()));
    assert.match(body, /^- Relative error: 12\.3\u00a0%, energy kept: 98\.5\u00a0%, over all modules$/m);
    assert.match(body, /^- Mean module error: 23\.5\u00a0%$/m);
  });

  it('begins with the outcome, in a sentence', () => {
    const source = { ...content().sources[0]!, bytes: 2000 };
    const { body } = split(modelCard(content({ sources: [source] })));
    assert.match(
      body,
      /^# Squeezed LoRA adapter\n\nRank 4 halves the size and keeps 98\.5\u00a0% of the update\.$/m,
    );
  });

  it('names the license of its sources, in the form of the Hub', () => {
    const frontOf = (...licenses: (string | undefined)[]) => {
      const [source] = content().sources;
      const sources = licenses.map((license) => ({ ...source!, ...(license !== undefined && { license }) }));
      const { license, license_name } = split(modelCard(content({ sources }))).front;
      return [license, license_name];
    };
    assert.deepEqual(frontOf('Apache-2.0'), ['apache-2.0', undefined]);
    assert.deepEqual(frontOf('FLUX.1 [dev] Non-Commercial'), ['other', 'flux.1-dev-non-commercial']);
    assert.deepEqual(frontOf('x"\n---\n# y'), ['other', 'x-y']);
    assert.deepEqual(frontOf('™'), ['other', undefined]);
    assert.deepEqual(frontOf('mit', 'mit'), ['mit', undefined]);
    for (const unclear of [[undefined], ['mit', 'apache-2.0'], ['mit', undefined]])
      assert.deepEqual(frontOf(...unclear), [undefined, undefined]);
    const { body } = split(modelCard(content({ sources: [{ ...content().sources[0]!, license: 'mit' }] })));
    assert.match(body, /base model `org\/base`, license `mit`$/m);
  });

  it('shows the errors of the modules: a row for each projection, a bar for each layer', () => {
    const modules = Array.from({ length: 8 }, (_, layer) => [
      { ...moduleNamed(`h.${layer}.attn`), relative_error: (layer + 1) / 16 },
      { ...moduleNamed(`h.${layer}.mlp.c_proj`), relative_error: layer === 3 ? 0.25 : 0 },
    ]).flat();
    const drawn = (some: CardContent['modules']) => {
      const { body } = split(modelCard(content({ modules: some, ranksBefore: some.map(() => 8) })));
      return /```text\n([\s\S]*?)\n```/.exec(body)?.[1]?.split('\n');
    };
    assert.deepEqual(drawn(modules), [
      'attn        ▁▂▃▄▅▆▇█  50.0\u00a0%',
      'mlp.c_proj  ▁▁▁▄▁▁▁▁  25.0\u00a0%',
    ]);
    assert.deepEqual(
      drawn(modules.filter(({ name }) => name !== 'h.0.mlp.c_proj')),
      ['attn        ▁▂▃▄▅▆▇█  50.0\u00a0%', 'mlp.c_proj   ▁▁▄▁▁▁▁  25.0\u00a0%'],
      'a gap where there is no module',
    );
    assert.equal(drawn(modules.map((one) => ({ ...one, relative_error: 0 }))), undefined);
    assert.equal(drawn([moduleNamed('q_proj'), moduleNamed('v_proj')]), undefined, 'without layers');
    const many = Array.from({ length: 200 }, (_, layer) => moduleNamed(`h.${layer}.attn`));
    assert.ok(drawn(many)![0]!.length < 120);
    const hostile = modules.map((one) => ({ ...one, name: one.name.replace('attn', '```\n# x') }));
    assert.ok(drawn(hostile)!.every((line) => !line.includes('`')));
    assert.ok(!/^# x/m.test(modelCard(content({ modules: hostile, ranksBefore: hostile.map(() => 8) }))));
  });

  it('lists modules in the order of the model', () => {
    const names = ['h.10.attn', 'h.2.attn', 'h.1.mlp'];
    const modules = names.map((name, index) => ({ ...moduleNamed(name), rank: index + 1 }));
    const { body } = split(modelCard(content({ modules, ranksBefore: [8, 7, 6] })));
    assert.deepEqual(
      rowsOf(body).map((row) => row.split(' | ').slice(0, 3)),
      [
        ['| `h.1.mlp`', '6', '3'],
        ['| `h.2.attn`', '7', '2'],
        ['| `h.10.attn`', '8', '1'],
      ],
    );
  });

  it('is the last file of a result, and states ranks, errors, source and target', async () => {
    const dir = compute.adapter(someModules(12, 2), { base_model_name_or_path: 'org/base' });
    const targets = [{ rank: 4 }, { rank: 12 }];
    await squeezing(compute.pool, dir, { targets }, ({ targets: [outcome, same], report }) => {
      assert.deepEqual(
        outcome!.files!.map(({ name }) => name),
        ['adapter_model.safetensors', 'adapter_config.json', 'README.md'],
      );
      assert.equal(same!.files, null);
      const { path, bytes } = outcome!.files![2]!;
      const card = readFileSync(path, 'utf8');
      assert.equal(Buffer.byteLength(card), bytes);
      const { front, body } = split(card);
      assert.deepEqual(front, {
        base_model: 'org/base',
        base_model_relation: 'adapter',
        library_name: 'peft',
        tags: ['lora', 'lora-squeeze'],
      });
      for (const words of [PRODUCT.version, 'f'.repeat(64), '12 → 4', '`{"rank":4}`'])
        assert.ok(body.includes(words), words);
      const rows = rowsOf(body);
      assert.deepEqual(
        rows.map((row) => row.split('|').map((cell) => cell.trim())),
        report.targets[0]!.modules.map(({ name, relative_error: error, energy_retained: energy }) => [
          '',
          `\`${name}\``,
          '12',
          '4',
          formatPercent(error),
          formatPercent(energy),
          '',
        ]),
      );
    });
  });

  it('is the same every time', async () => {
    const dir = compute.adapter(someModules(12, 2));
    const cards: string[] = [];
    for (let turn = 0; turn < 2; turn++) {
      await squeezing(compute.pool, dir, { targets: [{ energy: 0.9 }] }, ({ targets: [outcome] }) => {
        cards.push(readFileSync(outcome!.files!.at(-1)!.path, 'utf8'));
      });
    }
    assert.equal(cards[0], cards[1]);
    assert.ok(!cards[0]!.includes('job_1') && !/\d\d:\d\d/.test(cards[0]!));
  });

  it('names all sources of a merge with their weights', async () => {
    const terms = [0.5, -1].map((weight) => ({ dir: compute.adapter(someModules(6, 1)), weight }));
    await merging(compute.pool, terms, { targets: [{ rank: 3 }] }, ({ targets: [outcome] }) => {
      const { front, body } = split(readFileSync(outcome!.files!.at(-1)!.path, 'utf8'));
      assert.deepEqual(front.tags, ['lora', 'lora-squeeze', 'merge']);
      for (const { dir, weight } of terms) {
        const { sha256 } = sourceOf(dir);
        assert.ok(body.includes(`${weight} × an adapter whose weights have the SHA-256 \`${sha256}\``));
      }
    });
  });
});

describe('the inputs of a model card', () => {
  it('are checked: only ids of the Hub become its base model', () => {
    for (const id of ['gpt2', 'bert-base-uncased', 'org/base-1.5_B']) {
      const { front, body } = split(modelCard(content({ baseModel: id })));
      assert.equal(front.base_model, id);
      assert.ok(body.includes(`from_pretrained("${id}")`), body);
    }
    const others = [
      'sd_v1',
      'sdxl_base_v1-0',
      'flux1',
      'llama-7b',
      '/root/models/x',
      './x',
      'https://huggingface.co/a/b',
      'a/b/c',
      'a b',
      'x\n---\nlicense: mit',
      '',
    ];
    for (const id of [...others, null]) {
      for (const format of ['peft', 'kohya', 'mlx'] as const) {
        const { front, body } = split(modelCard(content({ format, baseModel: id })));
        assert.deepEqual(Object.keys(front), ['library_name', 'tags'], `${id}`);
        assert.ok(body.includes('("<base model>"'), `${id}`);
      }
    }
  });

  it('cannot leave their cells if they are hostile names', () => {
    const names = ['a|b', 'x\n| y | 1 | 2 | 3 | 4 |', '`code`', '<img src=x>', '---', '\u2028| z'];
    const { body } = split(
      modelCard(content({ modules: names.map(moduleNamed), ranksBefore: names.map(() => 8) })),
    );
    const rows = rowsOf(body);
    assert.equal(rows.length, names.length);
    for (const row of rows) assert.equal(row.split('|').length, 7, row);
  });

  it('cannot leave their lines if they are hostile warnings', () => {
    const result = { ...content().result, warnings: ['a\n# heading', '[x](https://evil.example) <b>'] };
    const { body } = split(modelCard(content({ result })));
    assert.ok(!/^# heading/m.test(body) && !body.includes('](http') && !body.includes('<b>'));
    assert.equal(body.split('\n').filter((line) => line.startsWith('- a \\#')).length, 1);
  });

  it('have a row for at most 300 modules, and the number of the others', () => {
    const modules = Array.from({ length: MAX_ROWS + 7 }, (_, index) => moduleNamed(`m.${index}`));
    const { body } = split(modelCard(content({ modules, ranksBefore: modules.map(() => 8) })));
    assert.equal(rowsOf(body).length, MAX_ROWS);
    assert.ok(body.includes('And 7 more modules.'));
  });

  it('include how to load every format, in lines that they cannot leave', () => {
    for (const format of FORMAT_NAMES) {
      const name = 'x".safetensors\'; rm -rf /\n```';
      const { lines } = usage(format, 'a"\n```', name);
      assert.ok(lines.length === 2 || lines[0]!.startsWith('import '), lines[0]);
      for (const line of lines) assert.ok(!/\n/.test(line.replaceAll(name, '')), line);
      const { front, body } = split(modelCard(content({ format })));
      assert.ok(Array.isArray(front.tags) && body.includes('## Load it'));
    }
  });
});
