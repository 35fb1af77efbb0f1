import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { Value } from 'typebox/value';
import { RecordedSink, RecordedSource, type Sink, type Source } from '../../../src/contract/transfer.ts';
import type { ErrorCode } from '../../../src/errors/error-kinds.ts';
import { Outbound } from '../../../src/net/outbound.ts';
import { EndpointRecorder } from '../../../src/resources/jobs/endpoint-recorder.ts';
import type { ConnectionAccess } from '../../../src/transfer/connection-access.ts';
import { encryptCredentials } from '../../../src/transfer/credentials.ts';
import { resolveSink, resolveSource } from '../../../src/transfer/resolve-endpoints.ts';
import { SecretBox } from '../../../src/transfer/secret-box.ts';

const box = new SecretBox(randomBytes(32));
const outbound = new Outbound({ allowedHosts: [] });
const S3 = { access_key_id: 'KEYID', secret_access_key: 'hush' };

function connection(
  name: string,
  kind: ConnectionAccess['kind'],
  prefixes: string[],
  more: Partial<ConnectionAccess> = {},
): ConnectionAccess {
  const credentials = {
    s3: S3,
    hub: { token: 'hf_hush' },
    url: { headers: { Authorization: 'Bearer hush' } },
  }[kind];
  return {
    ...{
      name,
      kind,
      prefixes,
      description: '',
      region: null,
      endpoint: null,
      path_style: null,
      ambient: false,
    },
    ...{ allowed_hosts: [], credentials: encryptCredentials(credentials, box), ...more },
  };
}

const ALL = [
  connection('models', 's3', ['s3://models']),
  connection('models-in', 's3', ['s3://models/in'], {
    region: 'eu-west-1',
    endpoint: 'https://minio.example.com',
  }),
  connection('role', 's3', ['s3://lent'], { ambient: true, credentials: null }),
  connection('team', 'hub', ['hf://team']),
  connection('server', 'url', ['https://models.example.com/a']),
];
const byName = (name: string | undefined) => ALL.find((one) => one.name === name) ?? null;
const recorder = (connections = ALL) =>
  new EndpointRecorder({
    outbound,
    box,
    hubEndpoint: 'https://hub.example',
    connections: { accesses: async () => connections },
  });
const refused = (done: Promise<unknown>, code: ErrorCode, words: RegExp) =>
  assert.rejects(done, (error: { code: string; message: string }) => {
    assert.equal(error.code, code, error.message);
    assert.match(error.message, words);
    return true;
  });
const opener = (name: string | undefined) => ({ access: byName(name), box, hubToken: 'hf_own' });

describe('a source', () => {
  it('uses the connection that covers it, and stores no secret', async () => {
    const cases: [Source, string | undefined, object][] = [
      [
        's3://models/other/x.safetensors',
        'models',
        { bucket: 'models', prefix: 'other', weights: 'x.safetensors', credentials: S3 },
      ],
      [
        's3://models/in/x/',
        'models-in',
        { prefix: 'in/x', region: 'eu-west-1', endpoint: 'https://minio.example.com', credentials: S3 },
      ],
      [
        { kind: 's3', bucket: 'models', prefix: 'in/x', connection: 'models' },
        'models',
        { prefix: 'in/x', credentials: S3 },
      ],
      ['s3://lent/x', 'role', { credentials: 'own' }],
      [
        'hf://team/adapter@v1/sub',
        'team',
        { repo: 'team/adapter', revision: 'v1', subfolder: 'sub', token: 'hf_hush' },
      ],
      [{ kind: 'hub', repo: 'team/adapter' }, 'team', { token: 'hf_hush' }],
      ['hf://public/adapter', undefined, { repo: 'public/adapter' }],
      [
        'https://models.example.com/a/x.gguf',
        'server',
        {
          files: {
            weights: { url: 'https://models.example.com/a/x.gguf' },
            config: { url: 'https://models.example.com/a/adapter_config.json' },
            card: { url: 'https://models.example.com/a/README.md' },
          },
          guessesConfig: true,
          secretHeaders: { Authorization: 'Bearer hush' },
        },
      ],
      ['https://other.example.com/a', undefined, { secretHeaders: undefined }],
      [
        { kind: 'url', connection: 'server', files: { weights: { url: 'https://models.example.com/a/w' } } },
        'server',
        {
          files: { weights: { url: 'https://models.example.com/a/w' } },
          secretHeaders: { Authorization: 'Bearer hush' },
        },
      ],
    ];
    for (const [source, name, ready] of cases) {
      const recorded = await recorder().source(source);
      const what = JSON.stringify(recorded);
      assert.ok(Value.Check(RecordedSource, recorded), what);
      assert.equal(recorded.connection, name, what);
      assert.doesNotMatch(what, /hush|KEYID|encrypted/);
      const opened = resolveSource(recorded, opener(recorded.connection)) as unknown as Record<
        string,
        unknown
      >;
      for (const [field, value] of Object.entries(ready))
        assert.deepEqual(opened[field], value, `${what} ${field}`);
    }
  });

  it('with its own credentials is encrypted as a whole', async () => {
    const presigned = await recorder().source('https://models.example.com/a/x.safetensors?signature=hush');
    assert.doesNotMatch(JSON.stringify(presigned), /hush/);
    assert.ok(presigned.encrypted);
    const own = await recorder().source({ kind: 's3', bucket: 'models', prefix: 'in', credentials: S3 });
    assert.deepEqual([own.connection, own.encrypted === undefined], [undefined, false]);
  });

  it('is refused if no connection covers it, naming those that nearly do', async () => {
    const cases: [Source, ErrorCode, RegExp][] = [
      [
        's3://model/in/x',
        'CONNECTION_NEEDED',
        /The nearest connections are "models" \(s3:\/\/models\), "models-in"/,
      ],
      ['s3://elsewhere/x', 'CONNECTION_NEEDED', /The connections are "models".*"role"/],
      [
        { kind: 's3', bucket: 'models', prefix: 'index', connection: 'models-in' },
        'CONNECTION_FORBIDDEN',
        /it covers s3:\/\/models\/in/,
      ],
      [
        { kind: 's3', bucket: 'models', prefix: 'in', connection: 'team' },
        'CONNECTION_FORBIDDEN',
        /"team" \(hub\)/,
      ],
      [{ kind: 's3', bucket: 'models', prefix: 'in', connection: 'gone' }, 'CONNECTION_NOT_FOUND', /"gone"/],
      [
        { kind: 's3', bucket: 'models', prefix: 'a//b', connection: 'models' },
        'VALIDATION_FAILED',
        /two slashes/,
      ],
      [
        { kind: 's3', bucket: 'models', prefix: 'in', endpoint: 'https://evil.example' },
        'VALIDATION_FAILED',
        /"endpoint"/,
      ],
      [
        { kind: 's3', bucket: 'models', prefix: 'in', connection: 'models', credentials: S3 },
        'VALIDATION_FAILED',
        /cannot be used together/,
      ],
      [
        { kind: 'url', connection: 'server', files: { weights: { url: 'https://models.example.com/b/w' } } },
        'CONNECTION_FORBIDDEN',
        /does not cover https:\/\/models\.example\.com\/b\/w/,
      ],
      ['https://10.0.0.1/a', 'OUTBOUND_FORBIDDEN', /10\.0\.0\.1/],
    ];
    for (const [source, code, words] of cases) await refused(recorder().source(source), code, words);
    const twin = [...ALL, connection('twin', 's3', ['s3://models'])];
    await refused(recorder(twin).source('s3://models/x'), 'CONNECTION_AMBIGUOUS', /"models" and "twin"/);
    await refused(
      recorder([]).source('s3://models/x'),
      'CONNECTION_NEEDED',
      /There is no connection of this kind yet/,
    );
  });

  it('fails if its connection is removed or narrowed before it is fetched', async () => {
    const recorded = await recorder().source('s3://models/in/x');
    const open = (access: ConnectionAccess | null) => () => resolveSource(recorded, { access, box });
    assert.throws(open(null), { code: 'CONNECTION_NOT_FOUND' });
    assert.throws(open(connection('models-in', 's3', ['s3://models/in/y'])), {
      code: 'CONNECTION_FORBIDDEN',
    });
    assert.throws(open(connection('models-in', 'hub', ['hf://models'])), { code: 'CONNECTION_FORBIDDEN' });
    const lent = connection('team', 'hub', ['hf://team'], { ambient: true, credentials: null });
    const fromHub = await recorder().source('hf://team/adapter');
    assert.throws(() => resolveSource(fromHub, { access: lent, box }), { code: 'AMBIENT_UNAVAILABLE' });
    assert.equal(
      (resolveSource(fromHub, { access: lent, box, hubToken: 'hf_own' }) as { token?: string }).token,
      'hf_own',
    );
  });
});

describe('a destination', () => {
  it('uses the connection that covers it', async () => {
    const cases: [Sink, string | undefined, object][] = [
      ['s3://models/out/', 'models', { kind: 's3', bucket: 'models', prefix: 'out', credentials: S3 }],
      [
        { kind: 'hub', repo: 'team/small', create: true, commit_message: 'Small', path_in_repo: 'r8' },
        'team',
        {
          kind: 'hub',
          repo: 'team/small',
          create: true,
          commit_message: 'Small',
          path_in_repo: 'r8',
          token: 'hf_hush',
        },
      ],
      [
        'https://models.example.com/a/out/',
        'server',
        {
          kind: 'url',
          folder: 'https://models.example.com/a/out',
          secretHeaders: { Authorization: 'Bearer hush' },
        },
      ],
    ];
    for (const [sink, name, ready] of cases) {
      const recorded = await recorder().sink(sink);
      assert.ok(Value.Check(RecordedSink, recorded), JSON.stringify(recorded));
      assert.doesNotMatch(JSON.stringify(recorded), /hush|KEYID|encrypted/);
      assert.equal(recorded.connection, name);
      assert.deepEqual(resolveSink(recorded, opener(recorded.connection)), ready);
    }
    await refused(recorder().sink('hf://public/adapter'), 'CONNECTION_NEEDED', /hf:\/\/public\/adapter/);
    await refused(recorder().sink('s3://models/out/x.safetensors'), 'VALIDATION_FAILED', /names a file/);
    await refused(
      recorder().sink('https://models.example.com/a?signature=hush'),
      'VALIDATION_FAILED',
      /query/,
    );
  });
});
