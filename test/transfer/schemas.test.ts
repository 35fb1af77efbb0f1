import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Value } from 'typebox/value';
import { Sink, Source } from '../../src/contract/transfer.ts';

const credentials = { access_key_id: 'id', secret_access_key: 'key' };
const s3 = { kind: 's3', bucket: 'bucket', prefix: 'a/b', credentials };
const hub = { kind: 'hub', repo: 'owner/adapter', token: 'hf_abc' };
const url = (weights: object, config: object = { url: 'https://example.com/c' }) => ({
  kind: 'url',
  files: { 'adapter_model.safetensors': weights, 'adapter_config.json': config },
});
const { credentials: _none, ...lending } = s3;
const weights = { url: 'https://example.com/w?a=b#c' };

describe('the schema of a source', () => {
  it('accepts the three kinds', () => {
    for (const source of [
      url(weights),
      url({ ...weights, sha256: 'aB'.repeat(32) }),
      s3,
      { ...s3, prefix: '', region: 'eu-west-1', endpoint: 'https://minio.example.com:9000' },
      { ...s3, credentials: { ...credentials, session_token: 'x' } },
      hub,
      { kind: 'url', files: { weights } },
      { kind: 'url', files: { weights, card: weights } },
      { kind: 'url', files: { weights, config: { url: 'https://example.com/c' } } },
      { kind: 'url', files: { 'adapter_model.safetensors': weights } },
      { ...s3, weights: 'my style.safetensors' },
      { ...hub, filename: 'lora-f16.gguf' },
      lending,
      { ...lending, connection: 'models' },
      { kind: 'hub', repo: 'owner/adapter', connection: 'hub' },
      { ...url(weights), connection: 'server' },
      's3://models/in/x y',
      'hf://owner/repo@main/sub',
      'https://models.example.com/a?signature=x',
      { kind: 'hub', repo: 'gpt2-lora' },
      { ...hub, revision: 'refs/pr/1', subfolder: 'checkpoint-500/last' },
    ]) {
      assert.ok(Value.Check(Source, source), JSON.stringify(source));
    }
  });

  it('accepts nothing else', () => {
    for (const source of [
      {},
      { type: 'ftp' },
      url({ url: 'ftp://example.com/w' }),
      url({ url: 'https://' }),
      url({ url: 'https://exam ple.com/w' }),
      url({ url: 'https://example.com\\@x' }),
      url({ url: 'https://example.com/ü' }),
      url({ url: 'https://example.com/\n' }),
      url({ url: `https://example.com/${'x'.repeat(8192)}` }),
      url({ ...weights, sha256: 'abc' }),
      url({ ...weights, headers: {} }),
      { kind: 'url', files: {} },
      { kind: 'url', files: { weights, readme: weights } },
      { ...s3, weights: '../x.safetensors' },
      { ...hub, filename: 'a/b.gguf' },
      { ...hub, filename: 'adapter_model.bin' },
      { kind: 'url', files: { ...url(weights).files, 'adapter_model.bin': weights } },
      { ...lending, connection: 'Models' },
      'ftp://models/x',
      '/models/x',
      's3://models/\n',
      { ...s3, credentials: { access_key_id: 'id' } },
      { ...s3, bucket: 'a' },
      { ...s3, bucket: 'bucket.evil.example/' },
      { ...s3, bucket: 'arn:aws:s3:::bucket' },
      { ...s3, prefix: '/a' },
      { ...s3, prefix: 'a\u0000' },
      { ...s3, region: 'us-east-1.evil.example' },
      { ...s3, region: 'x@y' },
      { ...s3, endpoint: 'minio:9000' },
      { ...hub, repo: '../x' },
      { ...hub, repo: 'a/b/c' },
      { ...hub, repo: 'a/..' },
      { ...hub, repo: 'a/b?x' },
      { ...hub, revision: '../main' },
      { ...hub, revision: 'a b' },
      { ...hub, subfolder: '../x' },
      { ...hub, subfolder: 'a/../b' },
      { ...hub, subfolder: '/a' },
      { ...hub, subfolder: 'a/' },
      { ...hub, subfolder: 'a?b' },
      { ...hub, token: 'abc' },
      { ...hub, token: 'hf_a\nb' },
      { ...hub, create: true },
    ]) {
      assert.ok(!Value.Check(Source, source), JSON.stringify(source).slice(0, 200));
    }
  });
});

describe('the schema of a sink', () => {
  it('accepts the three kinds', () => {
    for (const sink of [
      url({ ...weights, headers: { 'x-ms-blob-type': 'BlockBlob' } }),
      { kind: 'url', files: { weights, config: weights, card: { ...weights, headers: { a: 'b' } } } },
      s3,
      hub,
      lending,
      { kind: 'hub', repo: 'owner/adapter' },
      's3://models/out/',
      { ...hub, revision: 'main', path_in_repo: 'a/b', commit_message: 'Ein Adapter – schön', create: true },
    ]) {
      assert.ok(Value.Check(Sink, sink), JSON.stringify(sink));
    }
  });

  it('accepts nothing else', () => {
    for (const sink of [
      { ...hub, repo: 'adapter' },
      { ...hub, path_in_repo: '..' },
      { ...hub, commit_message: '' },
      { ...hub, commit_message: 'a\nb' },
      { ...hub, commit_message: 'x'.repeat(201) },
      { kind: 'url', files: { weights, 'README.md': weights } },
      url({ ...weights, headers: { 'a b': 'c' } }),
      url({ ...weights, headers: { a: 'b\r\nc: d' } }),
      url({ ...weights, headers: { a: 1 } }),
      url({ ...weights, sha256: 'ab'.repeat(32) }),
    ]) {
      assert.ok(!Value.Check(Sink, sink), JSON.stringify(sink));
    }
  });
});
