import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { redacted } from '../../src/redaction.ts';
import fc from '../fast-check.ts';

const SECRET = 'hunter2-s3cr3t';

/** Lines from which the secret must be removed, by the place where it occurs. */
const HIDING = {
  header: { headers: { authorization: `Bearer ${SECRET}`, 'X-Api-Key': SECRET, accept: '*/*' } },
  'list of headers': { 'set-cookie': [`a=${SECRET}`, `b="]${SECRET}`] },
  'field at any depth': { a: [{ b: { password: SECRET, dbPassword: `x"y\\${SECRET}`, pin: 1 } }] },
  'number that is a token': { session_token: 20261125 },
  URL: { msg: `cannot reach redis://user:${SECRET}@host:6379/1` },
  'URL whose password was not escaped': { msg: `redis://:p@ss/${SECRET}@host` },
  'presigned URL': {
    err: {
      stack: `Error: GET https://b.s3/key?X-Amz-Credential=${SECRET}%2Fx&X-Amz-Expires=60&X-Amz-Signature=${SECRET}`,
    },
  },
  'query of a path': { detail: `There is no "/v1/x?token=${SECRET}&limit=1".` },
  'header in a message': { msg: `sent Authorization: Bearer ${SECRET}` },
  'JSON in JSON': { body: JSON.stringify({ password: SECRET }) },
  'command of ioredis': { err: { command: { name: 'auth', args: ['user', `a"]${SECRET}`] }, code: 1 } },
};

describe('redacted', () => {
  for (const [where, line] of Object.entries(HIDING)) {
    it(`hides a secret: ${where}`, () => {
      const text = redacted(JSON.stringify(line));
      assert.doesNotMatch(text, /s3cr3t|20261125/, text);
      assert.match(text, /\[redacted\]/);
      // Still JSON, with the same fields.
      assert.deepEqual(Object.keys(JSON.parse(text)), Object.keys(line));
    });
  }

  it('leaves other text unchanged', () => {
    const text = JSON.stringify({
      stack: 'Error\n    at file:///app/node_modules/@fastify/multipart/index.js:1:2',
      url: 'https://host:8080/a/b?limit=1&wait=30#x@y',
      redis: 'redis://***:***@host',
      command: 'GET',
      detail: 'Tensor "a@b" of 3 tokens; basic training; mail me@host',
      timings: { load: 0.1 },
    });
    assert.equal(redacted(text), text);
  });

  it('hides only the secret itself', () => {
    const text = redacted(
      JSON.stringify({ headers: { cookie: SECRET, accept: 'x' }, u: `http://h/?a=1&key=${SECRET}&b=2` }),
    );
    assert.deepEqual(JSON.parse(text), {
      headers: { cookie: '[redacted]', accept: 'x' },
      u: 'http://h/?a=1&key=[redacted]&b=2',
    });
  });

  it('always leaves valid JSON', () => {
    const word = fc.constantFrom(
      '"',
      '\\',
      '?token=',
      '://',
      '@',
      'password',
      'Bearer ',
      ']',
      ':',
      '[',
      'x',
      '&',
      ',',
    );
    const value = fc.array(word, { maxLength: 30 }).map((words) => words.join(''));
    fc.assert(
      fc.property(fc.dictionary(value, fc.oneof(value, fc.array(value), fc.integer())), (line) => {
        JSON.parse(redacted(JSON.stringify(line)));
      }),
      { numRuns: 2000 },
    );
  });

  it('takes no longer for a line that was made to be slow', () => {
    for (const part of ['a.', 'token', '"token', 'x://', '?token', 'a-', '"password":[', '\\"'])
      redacted(`{"msg":"${part.repeat(16_384 / part.length)}`);
  });
});
