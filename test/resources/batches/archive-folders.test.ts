import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ArchiveFolders } from '../../../src/resources/batches/archive-folders.ts';
import fc, { anyCharacter } from '../../fast-check.ts';

/** What a careful program that unpacks archives accepts. */
function assertSafe(folder: string): void {
  assert.doesNotMatch(folder, /\p{Cs}/u);
  assert.doesNotMatch(folder, /[\p{Cc}\p{Cf}:*?"<>|\\]/u);
  for (const part of folder.split('/')) {
    assert.notEqual(part, '', folder);
    assert.doesNotMatch(part, /^ |[. ]$|^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i);
    assert.ok(Buffer.byteLength(part) <= 210, folder);
  }
}

describe('the folders of an archive', () => {
  it('are named after items, as far as that is safe', () => {
    const folders = new ArchiveFolders();
    const cases: [string, string][] = [
      ['support-chat v3', 'support-chat v3'],
      ['team/a/b', 'team/a/b'],
      ['../../etc/passwd', 'etc/passwd'],
      ['/root/.ssh', 'root/.ssh'],
      ['..\\..\\windows', '.._.._windows'],
      ['C:', 'C_'],
      ['a\u202egpj.exe', 'a_gpj.exe'],
      ['nul.txt/COM1', '_nul.txt/_COM1'],
      ['...', '7'],
      ['', '7-2'],
      ['Ünïcode', 'Ünïcode'],
      ['a//b/./c/../d. ', 'a/b/c/d'],
      ['x/y/adapter_config.json', 'x/y/adapter_config.json_'],
      ['results.ndjson', 'results.ndjson-2'],
      ['\ud800', '_'],
    ];
    for (const [name, folder] of cases) assert.equal(folders.take(name, 7), folder, name);
  });

  it('are different on every file system, one for each item', () => {
    const folders = new ArchiveFolders();
    const taken = ['a', 'A', 'a', 'a-2', 'e\u0301', '\u00e9', 'a'].map((name) => folders.take(name, 0));
    assert.deepEqual(taken, ['a', 'A-2', 'a-3', 'a-2-2', '\u00e9', '\u00e9-2', 'a-4']);
    const many = Array.from({ length: 10_000 }, () => folders.take('same', 0));
    assert.equal(new Set(many).size, many.length);
  });

  it('are safe and different for any names', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string({ unit: anyCharacter, maxLength: 300 }), fc.string()), { maxLength: 8 }),
        (names) => {
          const folders = new ArchiveFolders();
          const all = names.map((name, index) => folders.take(name, index));
          all.forEach(assertSafe);
          assert.equal(new Set(all.map((folder) => folder.toLowerCase())).size, all.length);
        },
      ),
    );
  });
});
