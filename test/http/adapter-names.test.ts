import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, afterEach, before, describe, it } from 'node:test';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import { fileNameOf } from '../../src/resources/adapters/upload/part-name.ts';
import { CHECKPOINT_BODY } from '../../src/resources/runs/checkpoint-body.ts';
import { keyValuesOf, pair } from '../formats/gguf/build.ts';
import { buildGguf } from '../gguf/gguf-file.ts';
import { problemIn, startServer, type TestServer } from './server.ts';
import { CONFIG, tinyAdapter, WEIGHTS } from './tiny-adapter.ts';
import { create, idOf, patch, put } from './uploads-tools.ts';

type Part = readonly [name: string, content: Uint8Array | string, filename?: string];

/** A LoRA in the form of llama.cpp. */
const GGUF = Buffer.from(buildGguf({ keyValues: keyValuesOf(), tensors: pair('blk.0.attn_q', 4) }));

describe("the names of an adapter's files", () => {
  let server: TestServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server.close());
  afterEach(() => server.assertNoLeftovers());

  function send(...parts: readonly Part[]): Promise<Response> {
    const form = new FormData();
    for (const [name, content, filename] of parts) {
      const blob = new Blob([typeof content === 'string' ? content : new Uint8Array(content)]);
      form.append(name, blob, filename ?? name);
    }
    return server.fetch('/v1/adapters', { method: 'POST', body: form });
  }
  async function stored(response: Response): Promise<AdapterRecord> {
    assert.equal(response.status, 201, await response.clone().text());
    return (await response.json()) as AdapterRecord;
  }
  /** The properties that depend on the files. */
  const factsOf = ({ id, name, created_at, content_known, ...facts }: AdapterRecord) => facts;
  const { weights, config } = tinyAdapter(501);

  describe('in a multipart body', () => {
    const spellings: readonly (readonly Part[])[] = [
      [
        [WEIGHTS, weights],
        [CONFIG, config],
      ],
      [
        ['weights', weights, 'blob'],
        ['config', config, 'blob'],
      ],
      [
        ['files', weights, 'my style v2.safetensors'],
        ['files', config, CONFIG],
      ],
      [
        ['anything', weights, 'адаптер.safetensors'],
        ['config', config, 'adapter.json'],
      ],
      [
        ['my-lora.safetensors', weights, ''],
        [CONFIG, config],
      ],
    ];

    it('do not affect the comparison of content', async () => {
      const first = await stored(await send(...spellings[0]!));
      for (const parts of spellings.slice(1))
        assert.deepEqual(factsOf(await stored(await send(...parts))), factsOf(first));
      assert.deepEqual(
        first.files.map(({ name }) => name),
        [WEIGHTS, CONFIG],
      );
      assert.equal(first.format, 'peft');
    });

    it('may include a model card, of which only the license has an effect', async () => {
      const plain = await stored(await send([WEIGHTS, weights], [CONFIG, config]));
      for (const part of [
        ['README.md', '# A card'],
        ['files', '# A card', 'README.md'],
      ] as const) {
        const record = await stored(await send(part, [WEIGHTS, weights], [CONFIG, config]));
        assert.deepEqual([record.name, factsOf(record)], [plain.name, factsOf(plain)]);
      }
      const card = '---\nlicense: apache-2.0\n---\n# A card';
      const licensed = await stored(await send(['README.md', card], [WEIGHTS, weights], [CONFIG, config]));
      assert.deepEqual(factsOf(licensed), { ...factsOf(plain), license: 'apache-2.0' });
      const form = new FormData();
      form.append('request', JSON.stringify({ targets: [{ rank: 2 }] }));
      for (const [name, content] of [
        ['README.md', '#'] as const,
        [WEIGHTS, weights] as const,
        [CONFIG, config] as const,
      ])
        form.append(name, new Blob([typeof content === 'string' ? content : new Uint8Array(content)]), name);
      const squeezed = await server.fetch('/v1/squeeze', { method: 'POST', body: form });
      assert.equal(squeezed.status, 202, await squeezed.clone().text());
      const alone = await problemIn(await send(['README.md', '#']), 422, 'FILE_MISSING');
      assert.deepEqual(alone.context, { missing: [WEIGHTS] });
      const twice = send(['README.md', '#'], ['files', '#', 'README.md']);
      await problemIn(await twice, 400, 'DUPLICATE_PART');
      await problemIn(await send(['README.md', Buffer.alloc(1024 * 1024 + 1)]), 413, 'UPLOAD_TOO_LARGE');
    });

    it('include one weights file: of two, both are named', async () => {
      const two = send(['a', weights, 'one.safetensors'], ['b', weights, 'two.gguf']);
      const problem = await problemIn(await two, 400, 'DUPLICATE_PART');
      assert.match(problem.detail, /"one\.safetensors" and "two\.gguf"/);
      assert.deepEqual(problem.context!.names, ['one.safetensors', 'two.gguf']);
      await problemIn(await send(['weights', weights], [WEIGHTS, weights]), 400, 'DUPLICATE_PART');
      await problemIn(await send(['config', config], [CONFIG, config]), 400, 'DUPLICATE_PART');
    });

    it('may be those of weights without a configuration; the reader reports if one is required', async () => {
      const problem = await problemIn(await send(['lora', weights, 'x.safetensors']), 422, 'FILE_MISSING');
      assert.deepEqual(problem.context, { missing: [CONFIG] });
      await problemIn(await send([CONFIG, config]), 422, 'FILE_MISSING');
    });

    it('are never paths', async () => {
      for (const name of ['../x.safetensors', 'a/b.gguf', '..\\x.safetensors', '.safetensors', '__proto__']) {
        // undici, like browsers, sends the filename unchanged; the parser keeps what follows the last slash.
        const response = await send([name, weights, 'x'], [CONFIG, config]);
        await problemIn(response, 400, 'UNEXPECTED_PART');
      }
    });

    it('of a pickle are answered with a command that converts it', async () => {
      for (const [part, file] of [
        ['files', 'adapter_model.bin'],
        ['files', 'lora.pt'],
      ] as const) {
        const problem = await problemIn(await send([part, 'x', file]), 415, 'PICKLE_REFUSED');
        assert.match(problem.detail, /python -c "import torch; /);
        assert.ok(problem.detail.includes(`'${file}'`), problem.detail);
      }
      // Recognised by its content, under a name that does not show it.
      const content = Buffer.concat([Buffer.from([0x80, 2]), randomBytes(600)]);
      const named = await problemIn(await send(['weights', content, 'my.ckpt']), 415, 'PICKLE_REFUSED');
      assert.match(named.detail, /'my\.ckpt'.*'my\.safetensors'/);
      const unnamed = await problemIn(
        await send(['weights', content, 'my.safetensors']),
        415,
        'PICKLE_REFUSED',
      );
      assert.match(unnamed.detail, /'adapter_model\.bin'.*'adapter_model\.safetensors'/);
    });

    it('of a checkpoint are those of PEFT, beside the tensors of an optimizer', () => {
      assert.equal(fileNameOf(CHECKPOINT_BODY, 'files', WEIGHTS), WEIGHTS);
      assert.equal(fileNameOf(CHECKPOINT_BODY, 'files', 'optimizer.safetensors'), 'optimizer.safetensors');
      for (const [name, file] of [
        ['weights', 'x'],
        ['files', 'other.safetensors'],
        ['files', 'README.md'],
      ] as const)
        assert.throws(() => fileNameOf(CHECKPOINT_BODY, name, file), { code: 'UNEXPECTED_PART' });
    });
  });

  describe('of separate uploads', () => {
    it('may be any name for weights, which are then used by their role', async () => {
      const whole = await put(server, 'named-weights', 'style%20v2.safetensors', weights);
      assert.equal(((await whole.json()) as { filename: string }).filename, 'style v2.safetensors');
      const made = await server.fetch('/v1/adapters/from-uploads', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ files: { weights: 'named-weights', config: JSON.parse(config.toString()) } }),
      });
      const record = await stored(made);
      assert.equal(record.name, 'style v2');
      assert.deepEqual(
        record.files.map(({ name }) => name),
        [WEIGHTS, CONFIG],
      );
    });

    it('may be any name for weights by tus', async () => {
      const { weights: other, config: otherConfig } = tinyAdapter(502);
      const path = await create(server, other.length, 'x y.safetensors');
      assert.equal((await patch(server, path, 0, other)).status, 204);
      const made = await server.fetch('/v1/adapters/from-uploads', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          files: { [WEIGHTS]: idOf(path), [CONFIG]: JSON.parse(otherConfig.toString()) },
        }),
      });
      await stored(made);
    });

    it('may be any name for GGUF, in pieces of any size, and give the same adapter as multipart', async () => {
      const path = await create(server, GGUF.length, 'x.gguf');
      let offset = 0;
      for (const bytes of [1, 2, 5, GGUF.length - 8]) {
        assert.equal((await patch(server, path, offset, GGUF.subarray(offset, offset + bytes))).status, 204);
        offset += bytes;
      }
      const make = (files: object) =>
        server.fetch('/v1/adapters/from-uploads', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ files }),
        });
      // The upload remains when it is refused.
      const problem = await problemIn(
        await make({ weights: idOf(path), config: { r: 1 } }),
        400,
        'UNEXPECTED_PART',
      );
      assert.match(problem.detail, /the format gguf, which has no adapter_config\.json/);
      const record = await stored(await make({ weights: idOf(path) }));
      assert.equal(record.format, 'gguf');
      assert.deepEqual(
        record.files.map(({ name }) => name),
        ['adapter.gguf'],
      );
      assert.equal(record.name, 'x');
      const again = await stored(await send(['lora', GGUF, 'my-f32.gguf']));
      assert.deepEqual(factsOf(again), factsOf(record));
      assert.deepEqual([again.name, again.content_known], ['my-f32', true]);
      await problemIn(await send(['lora', GGUF.subarray(0, -40), 'cut.gguf']), 422, 'GGUF_NOT_COVERED');
    });

    it('are given once for each file', async () => {
      const ask = (files: object) =>
        server.fetch('/v1/adapters/from-uploads', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ files }),
        });
      for (const files of [
        {},
        { config: {} },
        { weights: 'named-weights', [WEIGHTS]: 'named-weights' },
        { weights: 'named-weights', config: {}, [CONFIG]: {} },
      ])
        await problemIn(await ask(files), 400, 'VALIDATION_FAILED');
    });
  });
});

describe('the name of an adapter', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server.close());
  const { weights, config } = tinyAdapter(503);

  async function nameOf(
    weightsAs: readonly [part: string, filename: string],
    configAs: readonly [part: string, filename: string] = [CONFIG, CONFIG],
    name?: string,
  ): Promise<string> {
    const form = new FormData();
    form.append(configAs[0], new Blob([new Uint8Array(config)]), configAs[1]);
    form.append(weightsAs[0], new Blob([new Uint8Array(weights)]), weightsAs[1]);
    if (name !== undefined) form.append('name', name);
    const response = await server.fetch('/v1/adapters', { method: 'POST', body: form });
    assert.equal(response.status, 201, await response.clone().text());
    const record = (await response.json()) as AdapterRecord;
    const read = (await (await server.fetch(`/v1/adapters/${record.id}`)).json()) as AdapterRecord;
    assert.equal(read.name, record.name);
    return record.name;
  }

  it('is the one that the upload specifies', async () => {
    for (const name of [
      'search v3',
      'a/b:c',
      '<b>&"\'',
      'адаптер 😀',
      '{"not": "JSON"}',
      '42',
      'x'.repeat(200),
    ])
      assert.equal(await nameOf(['files', 'my-lora.safetensors'], undefined, name), name);
    assert.equal(await nameOf(['files', 'my-lora.safetensors'], undefined, 'twice'), 'twice');
    assert.equal(
      await nameOf(['files', 'my-lora.safetensors'], undefined, 'twice'),
      'twice',
      'names need not be unique',
    );
  });

  it('is that of the weights file if that is meaningful', async () => {
    assert.equal(await nameOf(['files', 'my-lora.safetensors']), 'my-lora');
    assert.equal(await nameOf(['weights', 'Style V2.SAFETENSORS']), 'Style V2');
    assert.equal(await nameOf([WEIGHTS, 'адаптер.safetensors']), 'адаптер');
    assert.equal(await nameOf([WEIGHTS, `${'x'.repeat(300)}.safetensors`]), 'x'.repeat(200));
  });

  it('is never that of the configuration', async () => {
    assert.equal(await nameOf([WEIGHTS, 'my-lora.safetensors'], ['config', 'x.json']), 'my-lora');
    assert.equal(await nameOf([WEIGHTS, WEIGHTS], ['config', 'x.json']), 'model adapter');
  });

  it('is derived from the base model if the file has a usual name, or none', async () => {
    for (const base of ['adapter_model', 'adapters', 'lora', 'pytorch_lora_weights', 'model'])
      assert.equal(await nameOf(['weights', `${base}.safetensors`]), 'model adapter', base);
    for (const filename of ['blob', ''])
      assert.equal(await nameOf(['weights', filename]), 'model adapter', filename);
  });

  it('is the one in a request about uploads, or the name of the upload', async () => {
    const make = async (more: object) => {
      await put(server, 'weights-to-name', 'style%20v3.safetensors', weights);
      return server.fetch('/v1/adapters/from-uploads', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          files: { weights: 'weights-to-name', config: JSON.parse(config.toString()) },
          ...more,
        }),
      });
    };
    const nameIn = async (response: Response) => ((await response.json()) as AdapterRecord).name;
    assert.equal(await nameIn(await make({})), 'style v3');
    assert.equal(await nameIn(await make({ name: 'search v3' })), 'search v3');
    for (const name of ['', 'a\u0000b', 'a\nb', 'x'.repeat(201), 7, null])
      await problemIn(await make({ name }), 400, 'VALIDATION_FAILED');
  });
});
