import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, describe, it } from 'node:test';
import { AppError } from '../../src/errors/app-error.ts';
import type { ErrorCode } from '../../src/errors/error-kinds.ts';
import type { OpenedFile, RemoteFile } from '../../src/transfer/receive-file.ts';
import { type ReceiveOptions, receiveFile } from '../../src/transfer/receive-file.ts';
import { Scratch, sha256Of } from './scratch.ts';

const CONTENT = Buffer.from('0123456789');

/** A remote file, each opening of which follows the next given step, the last one repeatedly. */
function remote(
  ...steps: ((from: number) => Partial<OpenedFile>)[]
): RemoteFile & { readonly opened: number[] } {
  const opened: number[] = [];
  return {
    name: 'adapter_config.json',
    sha256: undefined,
    host: 'example.com',
    opened,
    open: async (from) => {
      opened.push(from);
      const { stream, ...rest } = steps[Math.min(opened.length, steps.length) - 1]!(from);
      return { stream: stream ?? Readable.from([]), from, totalBytes: CONTENT.byteLength, ...rest };
    },
  };
}
const rest = (from: number) => ({ stream: Readable.from([CONTENT.subarray(from)], { objectMode: false }) });
const part = (from: number, to: number) => ({
  stream: Readable.from([CONTENT.subarray(from, to)], { objectMode: false }),
});
const silent = (from: number, to: number) => {
  const stream = new Readable({ read() {} });
  stream.push(CONTENT.subarray(from, to));
  return { stream };
};
const failing =
  (code: ErrorCode, message = /./) =>
  (error: unknown) => {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  };

describe('receiveFile', () => {
  const scratch = new Scratch();
  after(() => scratch.remove());
  const received = (file: RemoteFile, more: Partial<ReceiveOptions> = {}) =>
    receiveFile(file, {
      folder: scratch.folder(),
      storedAs: 'config',
      maxBytes: 100,
      tooLarge: 'CONFIG_TOO_LARGE',
      stallTimeoutMs: 60_000,
      onBytes: () => {},
      ...more,
    });

  it('writes the bytes that arrive, and describes them', async () => {
    const { path, ...file } = await received(remote(rest));
    assert.deepEqual(file, { name: 'adapter_config.json', sha256: sha256Of(CONTENT), bytes: 10 });
    assert.ok(readFileSync(path).equals(CONTENT));
  });

  it('resumes after a stream that ended early, fell silent, or broke', async () => {
    const broken = (from: number) => ({
      stream: Readable.from(
        (async function* () {
          yield CONTENT.subarray(from, from + 2);
          throw new AppError('OUTBOUND_FAILED', 'broken');
        })(),
        { objectMode: false },
      ),
    });
    const file = remote(
      (from) => part(from, 3),
      (from) => silent(from, 5),
      broken,
      rest,
    );
    const { path } = await received(file, { stallTimeoutMs: 500 });
    assert.deepEqual(file.opened, [0, 3, 5, 7]);
    assert.ok(readFileSync(path).equals(CONTENT));
  });

  it('discards the earlier bytes if the other side begins again', async () => {
    const other = Buffer.from('abcdef');
    const file = remote(
      (from) => part(from, 8),
      () => ({ stream: Readable.from([other], { objectMode: false }), from: 0, totalBytes: 6 }),
    );
    const { path, sha256, bytes } = await received(file);
    assert.ok(readFileSync(path).equals(other));
    assert.deepEqual([sha256, bytes], [sha256Of(other), 6]);
  });

  it('gives up after four attempts', async () => {
    const file = remote((from) => part(from, from + 1));
    const cut = /example\.com sent 4 of the 10 bytes of adapter_config\.json/;
    await assert.rejects(received(file), failing('OUTBOUND_FAILED', cut));
    assert.deepEqual(file.opened, [0, 1, 2, 3]);
  });

  it('accepts a file without an announced size, up to the limit', async () => {
    const unsized = remote((from) => ({ ...rest(from), totalBytes: undefined }));
    assert.equal((await received(unsized, { maxBytes: 10 })).bytes, 10);
    await assert.rejects(
      received(unsized, { maxBytes: 9 }),
      failing('CONFIG_TOO_LARGE', /larger than the limit of 9 bytes/),
    );
    const more = remote((from) => ({ ...rest(from), totalBytes: 9 }));
    await assert.rejects(
      received(more),
      failing('OUTBOUND_FAILED', /sent 10 of the 9 bytes of adapter_config/),
    );
  });

  it('lets the validator have the last word', async () => {
    const refusal = new AppError('ST_HEADER_LENGTH', 'no');
    const newValidator = () => ({
      push: () => {},
      finish: (bytes: number) => {
        assert.equal(bytes, 10);
        throw refusal;
      },
    });
    await assert.rejects(received(remote(rest), { newValidator }), (error) => error === refusal);
  });

  it('reports a folder that cannot be written', async () => {
    const gone = join(scratch.folder(), 'gone');
    await assert.rejects(received(remote(rest), { folder: gone }), failing('STORAGE_FAILED', /ENOENT/));
    const folder = scratch.folder();
    writeFileSync(join(folder, 'config'), 'there already');
    await assert.rejects(received(remote(rest), { folder }), (error: AppError) => {
      assert.ok(!error.message.includes(folder));
      return error.code === 'STORAGE_FAILED';
    });
  });
});
