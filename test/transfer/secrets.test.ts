import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { Value } from 'typebox/value';
import {
  RecordedSink,
  RecordedSource,
  type SinkObject,
  type SourceObject,
} from '../../src/contract/transfer.ts';
import { AppError } from '../../src/errors/app-error.ts';
import type { ErrorCode } from '../../src/errors/error-kinds.ts';
import { encryptedWith, SecretBox } from '../../src/transfer/secret-box.ts';
import {
  decryptSink,
  decryptSource,
  encryptSink,
  encryptSource,
  redactFinal,
} from '../../src/transfer/secrets.ts';

const HUB = 'https://huggingface.co';
const code = (expected: ErrorCode) => (error: unknown) =>
  error instanceof AppError && error.code === expected;

const credentials = {
  access_key_id: 'AKIASECRET1',
  secret_access_key: 'SECRET2/abc+def',
  session_token: 'SECRET3==',
};
const presigned = (name: string) =>
  `https://bucket.example.com/dir/${name}?X-Amz-Signature=SECRET4&x=SECRET5`;
const SOURCES: readonly SourceObject[] = [
  {
    kind: 'url',
    files: {
      'adapter_model.safetensors': { url: presigned('adapter_model.safetensors'), sha256: 'ab'.repeat(32) },
      'adapter_config.json': { url: presigned('adapter_config.json') },
    },
  },
  { kind: 's3', bucket: 'my-bucket', prefix: 'a/b/', region: 'eu-west-1', credentials },
  { kind: 's3', bucket: 'my-bucket', prefix: '', endpoint: 'https://minio.example.com:9000', credentials },
  { kind: 'hub', repo: 'owner/adapter', revision: 'v1', subfolder: 'last', token: 'hf_SECRET6' },
  { kind: 'hub', repo: 'owner/adapter' },
];
const SINKS: readonly SinkObject[] = [
  {
    kind: 'url',
    files: {
      'adapter_model.safetensors': { url: presigned('w'), headers: { 'x-ms-meta-key': 'SECRET7' } },
      'adapter_config.json': { url: presigned('c') },
    },
  },
  { kind: 's3', bucket: 'my-bucket', prefix: 'out', credentials },
  { kind: 'hub', repo: 'owner/adapter', token: 'hf_SECRET6', create: true, commit_message: 'Squeezed' },
];

describe('SecretBox', () => {
  const key = randomBytes(32);
  const box = new SecretBox(key);

  it('decrypts what it encrypted, even after a restart', () => {
    for (const text of ['', 'x', 'ünïcode 🔑', 'long '.repeat(10_000)]) {
      assert.equal(box.decrypt(box.encrypt(text)), text);
      assert.equal(new SecretBox(Uint8Array.from(key)).decrypt(box.encrypt(text)), text);
    }
  });

  it('reveals neither the text nor that two texts are equal', () => {
    const [one, two] = [box.encrypt('SECRET'), box.encrypt('SECRET')];
    assert.notEqual(one, two);
    const bytes = Buffer.from(one.split('.')[2]!, 'base64url');
    assert.ok(!one.includes('SECRET') && !bytes.includes('SECRET'));
  });

  it('reports that another key is needed, and identifies both without showing them', () => {
    const other = new SecretBox(randomBytes(32));
    assert.throws(
      () => other.decrypt(box.encrypt('SECRET')),
      (error: AppError) => {
        assert.equal(error.code, 'SECRETS_KEY_MISMATCH');
        assert.match(error.message, /encrypted with key [0-9a-f]{8}; this service has key [0-9a-f]{8}/);
        assert.ok(!key.toString('hex').includes(String(error.context.encrypted_with)));
        return true;
      },
    );
  });

  it('detects every change', () => {
    const encrypted = box.encrypt('a secret of some length');
    const [version, keyId, data] = encrypted.split('.') as [string, string, string];
    const bytes = Buffer.from(data, 'base64url');
    for (let at = 0; at < bytes.byteLength; at++) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1;
      const text = `${version}.${keyId}.${changed.toString('base64url')}`;
      assert.throws(() => box.decrypt(text), code('SECRETS_DAMAGED'), `byte ${at}`);
    }
    const cut = (end: number) => `${version}.${keyId}.${bytes.subarray(0, end).toString('base64url')}`;
    for (const text of [
      '',
      '.',
      'v1',
      `v2.${keyId}.${data}`,
      `${encrypted}.x`,
      cut(27),
      cut(40),
      `v1..${data}`,
    ]) {
      assert.throws(() => box.decrypt(text), code('SECRETS_DAMAGED'), text);
    }
  });

  it('encrypts with the first of several keys and decrypts with each of the current ones', () => {
    const [old, fresh] = [randomBytes(32), randomBytes(32)];
    let keys = [old];
    const ring = new SecretBox(() => keys);
    const before = ring.encrypt('SECRET');
    keys = [fresh, old];
    const after = ring.encrypt('SECRET');
    assert.deepEqual([before, after].map(ring.decrypt.bind(ring)), ['SECRET', 'SECRET']);
    assert.equal(new SecretBox(fresh).decrypt(after), 'SECRET');
    assert.deepEqual([encryptedWith(after), encryptedWith(before)], ring.keyIds);
    keys = [fresh];
    assert.equal(ring.decrypt(after), 'SECRET');
    assert.throws(() => ring.decrypt(before), code('SECRETS_KEY_MISMATCH'));
  });

  it('accepts only keys of 32 bytes', () => {
    for (const bytes of [0, 16, 31, 33]) assert.throws(() => new SecretBox(randomBytes(bytes)), RangeError);
  });
});

describe('recorded sources and sinks', () => {
  const box = new SecretBox(randomBytes(32));

  for (const source of SOURCES) {
    it(`keep the secrets of a source: ${source.kind}`, () => {
      const recorded = encryptSource(source, box, HUB);
      assert.ok(Value.Check(RecordedSource, recorded), JSON.stringify(recorded));
      assert.doesNotMatch(JSON.stringify(recorded), /SECRET|Signature/);
      assert.deepEqual(decryptSource(JSON.parse(JSON.stringify(recorded)), box), source);
    });
  }
  for (const sink of SINKS) {
    it(`keep the secrets of a sink: ${sink.kind}`, () => {
      const recorded = encryptSink(sink, box, HUB);
      assert.ok(Value.Check(RecordedSink, recorded), JSON.stringify(recorded));
      assert.doesNotMatch(JSON.stringify(recorded), /SECRET|Signature/);
      assert.deepEqual(decryptSink(JSON.parse(JSON.stringify(recorded)), box), sink);
    });
  }

  it('state the place', () => {
    assert.deepEqual(
      [
        ...SOURCES.map((source) => encryptSource(source, box, HUB)),
        ...SINKS.map((sink) => encryptSink(sink, box, HUB)),
      ].map(({ place }) => place),
      [
        'bucket.example.com/dir/adapter_model.safetensors',
        's3://my-bucket/a/b',
        'minio.example.com:9000/my-bucket',
        'huggingface.co/owner/adapter',
        'huggingface.co/owner/adapter',
        'bucket.example.com/dir/w',
        's3://my-bucket/out',
        'huggingface.co/owner/adapter',
      ],
    );
  });

  it('have nothing encrypted left after the end, and state this', () => {
    for (const source of SOURCES.slice(0, 4)) {
      const final = redactFinal(encryptSource(source, box, HUB));
      assert.ok(!('encrypted' in final) && Value.Check(RecordedSource, final));
      assert.throws(() => decryptSource(final, box), code('SECRETS_UNAVAILABLE'));
    }
    const final = redactFinal(encryptSink(SINKS[2]!, box, HUB));
    assert.deepEqual(final, { kind: 'hub', repo: 'owner/adapter', place: 'huggingface.co/owner/adapter' });
  });

  it('need a key only if there is a secret', () => {
    const open = SOURCES[4]!;
    assert.deepEqual(decryptSource(encryptSource(open, undefined, HUB), undefined), open);
    for (const source of SOURCES.slice(0, 4)) {
      assert.throws(() => encryptSource(source, undefined, HUB), code('SECRETS_UNAVAILABLE'));
      assert.throws(
        () => decryptSource(encryptSource(source, box, HUB), undefined),
        code('SECRETS_UNAVAILABLE'),
      );
    }
    assert.throws(() => encryptSink(SINKS[0]!, undefined, HUB), code('SECRETS_UNAVAILABLE'));
  });
});
