import assert from 'node:assert/strict';
import { inflateRawSync } from 'node:zlib';

const END_OF_CENTRAL_DIRECTORY = 0x06054b50;
const CENTRAL_ENTRY = 0x02014b50;
const END_BYTES = 22;
const CENTRAL_ENTRY_BYTES = 46;
const LOCAL_ENTRY_BYTES = 30;
const STORED = 0;

/** The files of a small zip archive (APPNOTE.TXT 4.3) without comment; no zip64, no encryption. */
export function unzip(zip: Buffer): Map<string, Buffer> {
  const end = zip.length - END_BYTES;
  assert.equal(zip.readUInt32LE(end), END_OF_CENTRAL_DIRECTORY, 'the archive does not end as a zip does');
  const files = new Map<string, Buffer>();
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    assert.equal(zip.readUInt32LE(at), CENTRAL_ENTRY);
    const method = zip.readUInt16LE(at + 10);
    const compressedBytes = zip.readUInt32LE(at + 20);
    const nameBytes = zip.readUInt16LE(at + 28);
    const otherBytes = zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
    const local = zip.readUInt32LE(at + 42);
    const name = zip.toString('utf8', at + CENTRAL_ENTRY_BYTES, at + CENTRAL_ENTRY_BYTES + nameBytes);
    const data = local + LOCAL_ENTRY_BYTES + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const content = zip.subarray(data, data + compressedBytes);
    assert.ok(!files.has(name), `${name} is in the archive twice`);
    files.set(name, method === STORED ? content : inflateRawSync(content));
    at += CENTRAL_ENTRY_BYTES + nameBytes + otherBytes;
  }
  return files;
}
