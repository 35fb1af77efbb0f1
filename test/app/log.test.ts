import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { withoutCredentials } from '../../src/log.ts';
import { PRODUCT } from '../../src/version.ts';

const LOG = join(import.meta.dirname, '../../src/log.ts');

describe('withoutCredentials', () => {
  it('hides user, password and query, and keeps the rest', () => {
    assert.equal(
      withoutCredentials('redis://me:hunter2@host:6379/2?x=hunter2'),
      'redis://***:***@host:6379/2',
    );
    assert.equal(withoutCredentials('redis://:hunter2@host/0'), 'redis://:***@host/0');
    assert.equal(withoutCredentials('redis://host:6379'), 'redis://host:6379');
  });

  it('shows no part of a URL that cannot be parsed', () => {
    assert.equal(withoutCredentials('redis://me:hunter2@ho st'), '[unreadable URL]');
  });
});

describe('createLogger', () => {
  it('writes JSON lines with its bindings and without secrets', () => {
    const script = `
      const { createLogger } = await import(${JSON.stringify(LOG)});
      const log = createLogger('info', { role: 'all' });
      log.debug('not this');
      log.info({ headers: { authorization: 'Bearer hunter2' }, redis: { password: 'hunter2' } }, 'hello');`;
    const output = execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      encoding: 'utf8',
    });
    const line = JSON.parse(output) as Record<string, unknown>;
    assert.equal(line.msg, 'hello');
    assert.equal(line.role, 'all');
    assert.match(String(line.time), /^\d{4}-\d\d-\d\dT/);
    assert.doesNotMatch(output, /hunter2/);
  });
});

describe('PRODUCT', () => {
  it('has the version of package.json', () => {
    const text = readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8');
    assert.equal(PRODUCT.version, (JSON.parse(text) as { version: string }).version);
  });
});
