import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { describe, it } from 'node:test';
import { AppError } from '../../src/errors/app-error.ts';
import { isWithin, placeText, readHub, readPlace, s3Place } from '../../src/transfer/place.ts';
import fc from '../fast-check.ts';

const refused = (words: RegExp) => (error: unknown) =>
  error instanceof AppError && error.code === 'VALIDATION_FAILED' && words.test(error.message);

describe('a place', () => {
  it('is read as it is written', () => {
    for (const [text, written] of [
      ['s3://models', 's3://models'],
      ['s3://models/', 's3://models'],
      ['s3://models/in/x y/ü%/', 's3://models/in/x y/ü%'],
      ['hf://owner/repo', 'hf://owner/repo'],
      ['hf://owner/repo@main/sub/x y.safetensors', 'hf://owner/repo/sub/x y.safetensors'],
      ['https://host.example/a/', 'https://host.example/a'],
      ['HTTPS://Host.Example:443/%61/b%c3%bc', 'https://host.example/a/b%C3%BC'],
      ['http://minio.internal:9000/a', 'http://minio.internal:9000/a'],
    ] as const)
      assert.equal(placeText(readPlace(text)), written);
  });

  it('of the Hub may name a revision', () => {
    for (const [text, revision] of [
      ['hf://owner/repo', undefined],
      ['hf://owner/repo@v1.0', 'v1.0'],
      ['hf://owner/repo@refs/pr/1/sub', 'refs/pr/1'],
      ['hf://owner/repo@feature%2Fone/sub', 'feature/one'],
    ] as const)
      assert.equal(readHub(text).revision, revision, text);
  });

  it('is refused if any program could read it as another one', () => {
    for (const [text, words] of [
      ['ftp://host/a', /must begin with s3:/],
      ['/etc/passwd', /must begin with s3:/],
      ['s3://', /name of its bucket/],
      ['s3://Bucket/a', /name of its bucket/],
      ['s3://a@b/c', /name of its bucket/],
      ['s3://models/in/../out', /leads elsewhere/],
      ['s3://models/in/./x', /leads elsewhere/],
      ['s3://models/in/%2e%2E/out', /leads elsewhere/],
      ['s3://models/in/%252e./out', /leads elsewhere/],
      ['s3://models//in', /two slashes/],
      ['s3://models/in//', /two slashes/],
      ['s3://models/in%2f..%2fout', /a slash/],
      ['s3://models/in%5cx', /a slash, a backslash/],
      ['s3://models/in\\x', /a slash, a backslash/],
      ['s3://models/in/\u0000', /a control character/],
      ['s3://models/in/%00', /a control character/],
      ['hf://owner/..', /owner\/repository/],
      ['hf://owner/repo@', /owner\/repository/],
      ['hf://owner/repo@..%2f..', /branch, tag or commit/],
      ['hf://owner@main', /branch, tag or commit/],
      ['hf://owner/repo/.git', /must not begin with a dot/],
      ['hf://owner/repo/a?b', /letters, digits/],
      ['https://host/a/../b', /leads elsewhere/],
      ['https://host/a/%2e%2e/b', /leads elsewhere/],
      ['https://host/a/%252e%252e/b', /leads elsewhere/],
      ['https://host/a%2Fb', /a slash/],
      ['https://host/a//b', /two slashes/],
      ['https://host\\@evil.example/a', /backslash/],
      ['https://user:word@host/a', /user name/],
      ['https://host/a?signature=hush', /it has a query or a fragment/],
      ['https://host/a#x', /it has a query or a fragment/],
      ['https://ho st/a', /space/],
    ] as const)
      assert.throws(() => readPlace(text), refused(words), text);
    assert.throws(
      () => readPlace('https://host/a?signature=hush'),
      (error: AppError) => !/hush/.test(error.message + JSON.stringify(error.context)),
    );
  });
});

describe('a prefix', () => {
  it('contains what is below it, part by part', () => {
    const has = (prefix: string, text: string) => isWithin(readPlace(text), readPlace(prefix));
    for (const [prefix, text] of [
      ['s3://models', 's3://models/in/x'],
      ['s3://models/in', 's3://models/in'],
      ['s3://models/in/', 's3://models/in/x'],
      ['hf://owner', 'hf://owner/repo/sub'],
      ['hf://owner/repo', 'hf://owner/repo@v1/sub'],
      ['https://host/models', 'https://host:443/%6dodels/x'],
    ] as const)
      assert.ok(has(prefix, text), `${prefix} ${text}`);
    for (const [prefix, text] of [
      ['s3://models/in', 's3://models/index'],
      ['s3://models/in', 's3://models/In/x'],
      ['s3://models/in', 's3://models'],
      ['s3://models', 's3://models-2/x'],
      ['s3://models/a b', 's3://models/a%20b'],
      ['hf://owner', 'hf://owner-2/repo'],
      ['hf://owner/repo', 'hf://owner/repo-2'],
      ['https://host/models', 'https://host:8443/models'],
      ['https://host/models', 'http://host/models'],
      ['https://host/models', 'https://host.evil.example/models'],
      ['s3://models', 'https://models/x'],
    ] as const)
      assert.ok(!has(prefix, text), `${prefix} ${text}`);
  });

  /** Parts that attackers write, and harmless ones. */
  const PART = fc.oneof(
    fc.constantFrom(
      '..',
      '.',
      '',
      '%2e%2e',
      '.%2E',
      '%252e%252e',
      '%2f',
      '%5c',
      'in%2f..',
      '..%2fout',
      '...',
      '\\..',
      '%00',
    ),
    fc.constantFrom('in', 'index', 'In', 'out', 'a b', 'ü'),
    fc.stringMatching(/^[!-~]{1,6}$/),
  );
  const decoded = (text: string): string => {
    const once = text.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
    return once === text ? text : decoded(once);
  };

  it('never contains what leads out of it, however often a reader decodes and normalises the path', () => {
    fc.assert(
      fc.property(
        fc.array(PART, { maxLength: 6 }),
        fc.constantFrom('s3://models', 'https://host'),
        (parts, root) => {
          const text = `${root}/in/${parts.join('/')}`;
          let place: ReturnType<typeof readPlace>;
          try {
            place = readPlace(text);
          } catch (error) {
            assert.ok(error instanceof AppError && error.code === 'VALIDATION_FAILED', String(error));
            return;
          }
          const asked = placeText(place).slice(root.length);
          for (const path of [asked, decoded(asked)]) {
            const tidy = posix.normalize(path.replaceAll('\\', '/'));
            assert.ok(tidy === '/in' || tidy.startsWith('/in/'), `${text} leads to ${tidy}`);
          }
          assert.ok(isWithin(place, readPlace(`${root}/in`)), text);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('contains exactly the paths that begin with its text and a slash', () => {
    const clean = fc.array(fc.constantFrom('a', 'b', 'ab', 'a b'), { maxLength: 4 });
    fc.assert(
      fc.property(clean, clean, (prefix, parts) => {
        const [one, other] = [s3Place('models', prefix.join('/')), s3Place('models', parts.join('/'))];
        assert.equal(isWithin(other, one), `${placeText(other)}/`.startsWith(`${placeText(one)}/`));
      }),
    );
  });
});
