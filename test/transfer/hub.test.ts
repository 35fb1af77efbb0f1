import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { HubSink, HubSource } from '../../src/contract/transfer.ts';
import { AppError } from '../../src/errors/app-error.ts';
import type { ErrorCode } from '../../src/errors/error-kinds.ts';
import { Outbound } from '../../src/net/outbound.ts';
import { type DeliverOptions, deliverAdapter } from '../../src/transfer/deliver-adapter.ts';
import { type FetchOptions, fetchAdapter } from '../../src/transfer/fetch-adapter.ts';
import { type FakeHub, GOOD_TOKEN, startFakeHub } from './fake-hub.ts';
import { CONFIG, LIMITS, Scratch, sha256Of, WEIGHTS } from './scratch.ts';

const weights = randomBytes(3_000_000);
const config = Buffer.from('{"r": 4}');
const DEEP = '['.repeat(100_000) + ']'.repeat(100_000);
const ADAPTER = { [WEIGHTS]: weights, [CONFIG]: config };

const failing =
  (code: ErrorCode, message = /./) =>
  (error: unknown) => {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    assert.doesNotMatch(JSON.stringify([error.message, error.context]), /SECRET/);
    return true;
  };

describe('the Hub', () => {
  const scratch = new Scratch();
  let hub: FakeHub;
  let outbound: Outbound;
  before(async () => {
    hub = await startFakeHub();
    outbound = new Outbound({ allowedHosts: [hub.host, hub.store.host] });
  });
  beforeEach(() => {
    hub.repos.clear();
    hub.seen.length = 0;
    hub.fault = () => false;
    hub.tellsFiles = true;
  });
  after(async () => {
    await outbound.close();
    await hub.close();
    scratch.remove();
  });

  describe('as a source', () => {
    const fetched = (source: Partial<HubSource> = {}, more: Partial<FetchOptions> = {}) =>
      fetchAdapter(
        { kind: 'hub', repo: 'owner/adapter', ...source },
        { outbound, folder: scratch.folder(), limits: LIMITS, hubEndpoint: hub.url, ...more },
      );

    it('provides an adapter, its large file from the store behind it, and the commit', async () => {
      const commit = hub.commit('owner/adapter', ADAPTER);
      const { files, imported: record } = await fetched();
      assert.ok(readFileSync(files[0]!.path).equals(weights));
      assert.ok(readFileSync(files[1]!.path).equals(config));
      assert.deepEqual(
        [record.kind, record.place, record.revision, record.commit],
        ['hub', `${hub.host}/owner/adapter`, 'main', commit],
      );
      assert.ok(hub.seen.every(({ auth }) => auth === undefined));
    });

    it('provides the license in the model card, and is used without a card that cannot be fetched', async () => {
      const card = Buffer.from('---\nlicense: mit\n---\n# It');
      hub.commit('owner/adapter', { ...ADAPTER, 'README.md': card });
      const { files, license, imported: record } = await fetched();
      assert.equal(license, 'mit');
      assert.equal(files.length, 2, 'the card itself is not one of them');
      assert.equal(record.files.length, 2);
      hub.fault = ({ url }, response) => {
        if (!url!.includes('README.md')) return false;
        response.writeHead(403).end();
        return true;
      };
      const without = await fetched();
      assert.deepEqual([without.license, without.files.length], [undefined, 2]);
    });

    it('provides the commit of a revision, from a folder', async () => {
      const old = hub.commit('owner/adapter', { [`last/${WEIGHTS}`]: weights, [`last/${CONFIG}`]: config });
      hub.commit('owner/adapter', { [`last/${CONFIG}`]: Buffer.from('{}') });
      const { files, imported: record } = await fetched({ revision: old, subfolder: 'last' });
      assert.equal(files[1]!.sha256, sha256Of(config));
      assert.deepEqual([record.revision, record.commit], [old, old]);
    });

    it('is read at one commit, even if a new one is added meanwhile', async () => {
      hub.commit('owner/adapter', ADAPTER);
      hub.fault = ({ url }) => {
        if (url!.includes('/revision/'))
          setImmediate(() => hub.commit('owner/adapter', { [CONFIG]: Buffer.from('{}') }));
        return false;
      };
      assert.equal((await fetched()).files[1]!.sha256, sha256Of(config));
      assert.equal(hub.repos.get('owner/adapter')!.commits.size, 2);
    });

    it('gets the token, while its store does not', async () => {
      hub.commit('owner/adapter', ADAPTER, 'private');
      // The library returns the address of the store itself if it takes the store for a cache.
      for (const cache of ['Miss', 'Hit from cloudfront']) {
        hub.fault = ({ url }, response) => {
          if (url!.includes('?sig=')) response.setHeader('x-cache', cache);
          return false;
        };
        const { files } = await fetched({ token: GOOD_TOKEN });
        assert.equal(files[0]!.sha256, sha256Of(weights));
      }
      for (const { url, auth } of hub.seen) {
        assert.equal(auth, url.includes('?sig=') ? undefined : `Bearer ${GOOD_TOKEN}`, url);
      }
    });

    it('is refused with a message that helps', async () => {
      hub.commit('owner/private', ADAPTER, 'private');
      hub.commit('owner/gated', ADAPTER, 'gated');
      hub.commit('owner/half', { [CONFIG]: config });
      const noAccess = /there is no such repository, or the token does not give access to it/;
      await assert.rejects(fetched({ repo: 'owner/none' }), failing('OUTBOUND_REFUSED', noAccess));
      await assert.rejects(fetched({ repo: 'owner/private' }), failing('OUTBOUND_REFUSED', noAccess));
      await assert.rejects(
        fetched({ repo: 'owner/private', token: 'hf_wrongSECRET' }),
        failing('OUTBOUND_REFUSED', noAccess),
      );
      await assert.rejects(
        fetched({ repo: 'owner/gated' }),
        failing('OUTBOUND_REFUSED', /the repository is gated/),
      );
      assert.equal((await fetched({ repo: 'owner/gated', token: GOOD_TOKEN })).files.length, 2);
      await assert.rejects(
        fetched({ repo: 'owner/gated', revision: 'v9' }),
        failing('OUTBOUND_REFUSED', /no such branch, tag or commit/),
      );
      await assert.rejects(
        fetched({ repo: 'owner/half' }),
        failing('FILE_MISSING', /owner\/half at main contains no weights file \(adapter_model\.safetensors,/),
      );
    });

    it('provides adapters of other formats: by a usual name, the only file, or the requested name', async () => {
      const card = { 'README.md': Buffer.from('# It'), '.gitattributes': Buffer.from('') };
      hub.commit('owner/flux', {
        ...card,
        'pytorch_lora_weights.safetensors': weights,
        'old.safetensors': config,
      });
      hub.commit('owner/style', {
        ...card,
        'my style.safetensors': weights,
        'samples/x.safetensors': config,
      });
      hub.commit('owner/gguf', { ...card, 'f16/lora-f16.gguf': weights, 'f16/q8.gguf': weights });
      const named = async (source: Partial<HubSource>) => {
        const { files, imported: record } = await fetched(source);
        assert.equal(files[0]!.sha256, sha256Of(weights));
        assert.ok(readFileSync(files[0]!.path).equals(weights));
        assert.deepEqual(
          record.files.map(({ name }) => name),
          files.map(({ name }) => name),
        );
        return files.map(({ name }) => name);
      };
      assert.deepEqual(await named({ repo: 'owner/flux' }), ['pytorch_lora_weights.safetensors']);
      assert.deepEqual(await named({ repo: 'owner/style' }), ['my style.safetensors']);
      assert.equal((await fetched({ repo: 'owner/style' })).license, undefined);
      const gguf = { repo: 'owner/gguf', subfolder: 'f16' };
      assert.deepEqual(await named({ ...gguf, filename: 'q8.gguf' }), ['q8.gguf']);
      await assert.rejects(
        fetched(gguf),
        failing(
          'FILE_MISSING',
          /owner\/gguf\/f16\/ at main contains 2 weights files.*specify the one to use/,
        ),
      );
      await assert.rejects(
        fetched({ ...gguf, filename: 'none.gguf' }),
        failing('FILE_MISSING', /owner\/gguf has no f16\/none\.gguf at main/),
      );
      hub.commit('owner/mlx', { 'adapters.safetensors': weights, [CONFIG]: config });
      assert.deepEqual(await named({ repo: 'owner/mlx' }), ['adapters.safetensors', CONFIG]);
    });

    it('provides sharded weights with their index, together no larger than one file may be', async () => {
      const [one, two] = ['x-00001-of-00002.safetensors', 'x-00002-of-00002.safetensors'] as const;
      const index = Buffer.from('{"weight_map": {}}');
      const set = { [one]: weights, [two]: config, 'x.safetensors.index.json': index };
      hub.commit('owner/cut', { ...set, [CONFIG]: config });
      hub.commit('owner/two', { ...set, 'other.safetensors': config });
      for (const source of [{ repo: 'owner/cut' }, { repo: 'owner/two', filename: two }]) {
        const { files, imported: record } = await fetched(source);
        const names = [
          one,
          two,
          'x.safetensors.index.json',
          ...(source.repo === 'owner/cut' ? [CONFIG] : []),
        ];
        assert.deepEqual(
          files.map(({ name }) => name),
          names,
        );
        for (const [at, bytes] of [weights, config, index].entries())
          assert.ok(readFileSync(files[at]!.path).equals(bytes));
        assert.deepEqual(
          record.files.map(({ name }) => name),
          names,
        );
      }
      const maxUploadBytes = weights.byteLength + config.byteLength - 1;
      await assert.rejects(
        fetched({ repo: 'owner/cut' }, { limits: { ...LIMITS, maxUploadBytes } }),
        failing('UPLOAD_TOO_LARGE', /x-00002-of-00002/),
      );
      hub.commit('owner/part', { [two]: weights });
      await assert.rejects(
        fetched({ repo: 'owner/part' }),
        failing('FILE_MISSING', /"x-00001-of-00002\.safetensors"/),
      );
      hub.tellsFiles = false;
      await assert.rejects(
        fetched({ repo: 'owner/cut', filename: one }),
        failing('FILE_MISSING', /"x-00002-of-00002\.safetensors"/),
      );
    });

    it('gives a message for pickles that explains how to convert them, and fetches none', async () => {
      hub.commit('owner/pickle', { 'adapter_model.bin': weights, [CONFIG]: config });
      await assert.rejects(
        fetched({ repo: 'owner/pickle' }),
        failing('PICKLE_REFUSED', /python -c ".*torch\.load\('adapter_model\.bin'/),
      );
      assert.ok(hub.seen.every(({ url }) => !url.includes('.bin')));
    });

    it('that lists no files, as a mirror may, is asked for those of PEFT', async () => {
      hub.tellsFiles = false;
      hub.commit('owner/adapter', ADAPTER);
      assert.deepEqual(
        (await fetched()).files.map(({ name }) => name),
        [WEIGHTS, CONFIG],
      );
      hub.commit('owner/half', { [CONFIG]: config });
      await assert.rejects(
        fetched({ repo: 'owner/half' }),
        failing('FILE_MISSING', /owner\/half has no adapter_model\.safetensors at main/),
      );
    });

    it('is asked again after a failure, and resumed where its store broke off', async () => {
      hub.commit('owner/adapter', ADAPTER);
      const failed = new Set<string>();
      let cuts = 0;
      hub.fault = (request, response) => {
        const isStore = request.url!.includes('?sig=');
        if (isStore && request.headers.range === undefined && cuts++ === 0) {
          response.writeHead(200, { 'content-length': weights.byteLength, etag: `"${sha256Of(weights)}"` });
          response.write(weights.subarray(0, 1_000_000), () =>
            request.socket.end(() => request.socket.destroy()),
          );
          return true;
        }
        if (isStore || failed.has(request.url!)) return false;
        failed.add(request.url!);
        response.writeHead(503).end();
        return true;
      };
      const { files } = await fetched();
      assert.equal(files[0]!.sha256, sha256Of(weights));
      assert.equal(cuts, 1);
    });

    it('is not trusted if a file does not match its ETag', async () => {
      hub.commit('owner/adapter', ADAPTER);
      hub.fault = (request, response) => {
        if (!request.url!.includes('?sig=') || request.headers.range !== undefined) return false;
        response.end(randomBytes(weights.byteLength));
        return true;
      };
      await assert.rejects(fetched(), failing('TRANSFER_DIGEST_MISMATCH'));
    });

    it('is not trusted if it is not a Hub', async () => {
      hub.fault = (_request, response) => {
        response.end('<html>Welcome</html>');
        return true;
      };
      await assert.rejects(fetched(), failing('OUTBOUND_FAILED', /does not answer as the Hub does/));
    });

    it('is not trusted if its JSON is hostile', async () => {
      const sha = 'a'.repeat(40);
      const answers: readonly [body: string, message: RegExp][] = [
        [`{"sha":${DEEP}}`, /its JSON cannot be read \(the value is nested more than 64 levels deep/],
        [`{"sha":"${sha}","sha":"${sha}"}`, /its JSON cannot be read \(the key "sha" appears twice/],
        [`{"sha":"${sha}","__proto__":{"siblings":[]}}`, /its JSON cannot be read/],
        [`{"sha":["${sha}"]}`, /does not name the commit of main of owner\/hostile-3/],
        [`{"sha":"${sha}","siblings":[{"rfilename":["${WEIGHTS}"]}]}`, /does not list the files/],
        [`{"sha":"${sha}","siblings":{}}`, /failed/],
        [`{"sha":"${sha}","siblings":[null]}`, /failed/],
        ['null', /failed/],
      ];
      hub.fault = ({ url }, response) => {
        const [body] = answers[Number(/hostile-(\d+)/.exec(url!)![1])]!;
        response.writeHead(200, { 'content-type': 'application/json' }).end(body);
        return true;
      };
      await Promise.all(
        answers.map(([, message], index) =>
          assert.rejects(fetched({ repo: `owner/hostile-${index}` }), failing('OUTBOUND_FAILED', message)),
        ),
      );
    });

    it('is refused by its status, whatever JSON is sent with it', async () => {
      const bodies = [DEEP, `{"error":${DEEP}}`, '{"error":', 'null', '{"error":{"toString":1}}'];
      hub.fault = ({ url }, response) => {
        const body = bodies[Number(/hostile-(\d+)/.exec(url!)![1])];
        response.writeHead(404, { 'content-type': 'application/json' }).end(body);
        return true;
      };
      for (const [index, body] of bodies.entries())
        await assert.rejects(
          fetched({ repo: `owner/hostile-${index}` }),
          body === 'null' || body.includes('toString')
            ? (error) => error instanceof AppError && error.code.startsWith('OUTBOUND_')
            : failing('OUTBOUND_REFUSED', /status 404: .*no such repository/),
        );
    });

    it('has its list of files read up to a limit', async () => {
      hub.fault = (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        const piece = Buffer.alloc(1024 * 1024, ' ');
        const send = (): void => {
          while (!response.destroyed && response.write(piece));
        };
        response.on('drain', send);
        send();
        return true;
      };
      await assert.rejects(fetched(), failing('OUTBOUND_TOO_LARGE', /more than 33554432 bytes/));
    });

    it('cannot lead to an address to which the service does not connect', async () => {
      hub.commit('owner/adapter', ADAPTER);
      const strict = new Outbound({ allowedHosts: [hub.host] });
      await assert.rejects(fetched({}, { outbound: strict }), failing('OUTBOUND_FORBIDDEN'));
      assert.ok(hub.seen.every(({ url }) => !url.includes('?sig=')));
      await strict.close();
    });

    it('is abandoned with the reason of the signal', async () => {
      hub.commit('owner/adapter', ADAPTER);
      const reason = new AppError('CANCELLED', 'enough');
      const cancel = new AbortController();
      hub.fault = () => {
        cancel.abort(reason);
        return true;
      };
      await assert.rejects(fetched({}, { signal: cancel.signal }), (error) => error === reason);
    });
  });

  describe('as a sink', () => {
    const delivered = (sink: Partial<HubSink> = {}, more: Partial<DeliverOptions> = {}) =>
      deliverAdapter(
        { kind: 'hub', repo: 'owner/result', token: GOOD_TOKEN, ...sink },
        scratch.adapter(weights, config),
        { outbound, hubEndpoint: hub.url, ...more },
      );
    const head = (repo = 'owner/result') => [...hub.repos.get(repo)!.commits.entries()].at(-1)!;

    it('receives an adapter in one commit', async () => {
      hub.commit('owner/result', { 'README.md': Buffer.from('# It') });
      const progress: number[] = [];
      const record = await delivered(
        { commit_message: 'Rank 4', path_in_repo: 'rank-4' },
        { onProgress: ({ done }) => progress.push(done) },
      );
      const [commit, files] = head();
      assert.deepEqual([...files.keys()], ['README.md', `rank-4/${WEIGHTS}`, `rank-4/${CONFIG}`]);
      assert.ok(files.get(`rank-4/${WEIGHTS}`)!.equals(weights));
      assert.ok(files.get(`rank-4/${CONFIG}`)!.equals(config));
      assert.deepEqual(hub.repos.get('owner/result')!.messages, ['Rank 4']);
      assert.deepEqual(
        [record.kind, record.place, record.commit, record.bytes],
        ['hub', `${hub.host}/owner/result`, commit, weights.byteLength + config.byteLength],
      );
      assert.equal(progress.at(-1), weights.byteLength + config.byteLength);
      for (const { url, auth } of hub.seen) {
        assert.equal(auth, url.includes('?sig=') ? undefined : `Bearer ${GOOD_TOKEN}`, url);
      }
    });

    it('receives all files of a result, whatever its format', async () => {
      hub.commit('owner/result', {});
      const [only] = scratch.adapter(weights, config);
      const files = [
        { ...only!, name: 'adapter.gguf' },
        { ...scratch.adapter(config, config)[0]!, name: 'README.md' },
      ];
      const record = await deliverAdapter({ kind: 'hub', repo: 'owner/result', token: GOOD_TOKEN }, files, {
        outbound,
        hubEndpoint: hub.url,
      });
      assert.deepEqual([...head()[1].keys()], ['adapter.gguf', 'README.md']);
      assert.deepEqual(
        record.files.map(({ name }) => name),
        ['adapter.gguf', 'README.md'],
      );
    });

    it('has a private repository created on request, once', async () => {
      await assert.rejects(delivered(), failing('OUTBOUND_REFUSED', /there is no such repository/));
      await delivered({ create: true });
      await delivered({ create: true });
      const repo = hub.repos.get('owner/result')!;
      assert.deepEqual([repo.visibility, repo.commits.size], ['private', 2]);
    });

    it('does not receive large files twice', async () => {
      hub.commit('owner/result', {});
      const fresh = scratch.adapter(randomBytes(1_000_000), config);
      let commits = 0;
      hub.fault = ({ url }, response) => {
        if (!url!.includes('/commit/') || commits++ > 0) return false;
        response.writeHead(502).end();
        return true;
      };
      await deliverAdapter({ kind: 'hub', repo: 'owner/result', token: GOOD_TOKEN }, fresh, {
        outbound,
        hubEndpoint: hub.url,
      });
      assert.equal(head()[1].get(WEIGHTS)!.byteLength, 1_000_000);
      assert.equal(hub.seen.filter(({ method }) => method === 'PUT').length, 1);
      assert.equal(commits, 2);
    });

    it('is refused with a message that helps', async () => {
      hub.commit('owner/result', {});
      await assert.rejects(
        delivered({ token: 'hf_wrongSECRET' }),
        failing('OUTBOUND_REFUSED', /the token does not give access to it/),
      );
      await assert.rejects(delivered({ revision: 'dev' }), failing('OUTBOUND_REFUSED', /no such branch/));
      const [, before] = head();
      hub.fault = ({ url, method }, response) => {
        if (method !== 'PUT') return false;
        assert.ok(url!.includes('SECRET'));
        response.writeHead(403).end('<Error>SECRET</Error>');
        return true;
      };
      const unknown = scratch.adapter(randomBytes(1000), config);
      await assert.rejects(
        deliverAdapter({ kind: 'hub', repo: 'owner/result', token: GOOD_TOKEN }, unknown, {
          outbound,
          hubEndpoint: hub.url,
        }),
        failing('OUTBOUND_REFUSED', new RegExp(`${hub.store.host} answered with status 403`)),
      );
      assert.equal(head()[1], before, 'nothing was committed');
    });

    it('is not trusted if its JSON is hostile', async () => {
      const cases: readonly [call: RegExp, type: string, body: string, message: RegExp][] = [
        [/preupload/, 'application/json', `{"files":${DEEP}}`, /its JSON cannot be read/],
        [/\/lfs\//, 'application/vnd.git-lfs+json', `{"objects":${DEEP}}`, /its JSON cannot be read/],
        [/\/commit\//, 'application/json', `{"commitOid":${DEEP}}`, /its JSON cannot be read/],
        [/\/commit\//, 'application/json', '{"commitOid":["x"]}', /does not name the commit/],
        [/\/commit\//, 'application/json', '{}', /does not name the commit/],
      ];
      for (const index of cases.keys()) hub.commit(`owner/hostile-${index}`, {});
      hub.fault = ({ url }, response) => {
        const [call, type, body] = cases[Number(/hostile-(\d+)/.exec(url!)?.[1])] ?? [];
        if (!call?.test(url!)) return false;
        response.writeHead(200, { 'content-type': type! }).end(body);
        return true;
      };
      await Promise.all(
        cases.map(([, , , message], index) =>
          assert.rejects(delivered({ repo: `owner/hostile-${index}` }), failing('OUTBOUND_FAILED', message)),
        ),
      );
    });

    it('is abandoned with the reason of the signal', async () => {
      hub.commit('owner/result', {});
      const reason = new AppError('CANCELLED', 'enough');
      const cancel = new AbortController();
      hub.fault = ({ url }) => {
        if (!url!.includes('/lfs/')) return false;
        cancel.abort(reason);
        return true;
      };
      await assert.rejects(delivered({}, { signal: cancel.signal }), (error) => error === reason);
    });
  });
});
