/** Name of the file with the result lines in an archive; no item gets a folder of this name. */
export const RESULTS_FILE = 'results.ndjson';

/** A name may be longer, but file systems limit each part of a path to 255 bytes, and a number may be appended. */
const MAX_PART_BYTES = 200;
/**
 * Characters that file systems or terminals do not handle well: control and formatting characters, lone surrogates,
 * and what Windows forbids.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}:*?"<>|\\]/gu;
/** Device names of Windows. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?=\.|$)/i;
/** Endings of an adapter's files: a folder with such an ending could collide with the path of a file. */
const LIKE_A_FILE = /\.(?:safetensors|gguf|json|md)$/i;
/** Files lie below the folder of an item and the folder of a target. */
const FILE_DEPTH = 2;

/**
 * The folders of a batch's items in an archive. They can be unpacked safely anywhere, and each item has one of its
 * own.
 */
export class ArchiveFolders {
  /** In lower case, because some file systems ignore case. */
  private readonly taken = new Set([RESULTS_FILE]);
  /** The number for the next folder of the same name. */
  private readonly numbers = new Map<string, number>();

  /** Assigns a folder to an item. @param index used if nothing is left of its name */
  take(name: string, index: number): string {
    const folder = safePath(name) || String(index);
    let free = folder;
    for (let number = this.numbers.get(folder) ?? 2; this.taken.has(free.toLowerCase()); number++) {
      free = `${folder}-${number}`;
      this.numbers.set(folder, number + 1);
    }
    this.taken.add(free.toLowerCase());
    return free;
  }
}

/** A relative path that cannot lead upwards. Empty if nothing is left of the name. */
function safePath(name: string): string {
  return name
    .split('/')
    .map(safePart)
    .filter((part) => part !== '')
    .map((part, depth) => (depth >= FILE_DEPTH && LIKE_A_FILE.test(part) ? `${part}_` : part))
    .join('/');
}

/** One safe part of a path; `.` and `..` become empty. */
export function safePart(part: string): string {
  const safe = shortened(part.normalize('NFC').replaceAll(UNSAFE, '_'));
  return safe.replace(/^ +|[. ]+$/g, '').replace(DEVICE, '_$&');
}

function shortened(text: string): string {
  if (Buffer.byteLength(text) <= MAX_PART_BYTES) return text;
  let short = '';
  let bytes = 0;
  for (const point of text) {
    bytes += Buffer.byteLength(point);
    if (bytes > MAX_PART_BYTES) break;
    short += point;
  }
  return short;
}
