import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bodyLines } from '../../../src/resources/batches/body-lines.ts';

const MAX_BYTES = 8;

async function linesOf(...pieces: readonly string[]): Promise<[number, string | undefined][]> {
  async function* body(): AsyncGenerator<Buffer> {
    for (const piece of pieces) yield Buffer.from(piece);
  }
  const found: [number, string | undefined][] = [];
  for await (const { number, bytes } of bodyLines(body(), { maxBytes: MAX_BYTES }))
    found.push([number, bytes?.toString()]);
  return found;
}

describe('the lines of a body', () => {
  it('are the same in whatever pieces they arrive', async () => {
    const text = 'one\r\n\n  \ntwo\n12345678\r\n123456789\nlast';
    const expected = [
      [1, 'one'],
      [4, 'two'],
      [5, '12345678'],
      [6, undefined],
      [7, 'last'],
    ];
    assert.deepEqual(await linesOf(text), expected);
    assert.deepEqual(await linesOf(...text), expected);
    for (let cut = 1; cut < text.length; cut++)
      assert.deepEqual(await linesOf(text.slice(0, cut), text.slice(cut)), expected, `${cut}`);
  });

  it('end with the body, with or without a line break at the end', async () => {
    assert.deepEqual(await linesOf('a\n'), [[1, 'a']]);
    assert.deepEqual(await linesOf('a'), [[1, 'a']]);
    assert.deepEqual(await linesOf('', '\n'), []);
    assert.deepEqual(await linesOf(), []);
  });

  it('are skipped if they are too long, and the next ones are read', async () => {
    const long = 'x'.repeat(100);
    assert.deepEqual(await linesOf('a\n', long, long, `${long}\nb`), [
      [1, 'a'],
      [2, undefined],
      [3, 'b'],
    ]);
  });
});
