/** Name of the lines in an archive; no item has it for its folder. */
export const RESULTS_FILE = 'results.ndjson';

/** A name may be longer; file systems take 255 bytes of each part, and a number may come behind. */
const MAX_PART_BYTES = 200;
/** What no file system, or no terminal, takes well: control and formatting characters, halves of pairs, and what Windows forbids. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}:*?"<>|\\]/gu;
/** Names of devices in Windows. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?=\.|$)/i;
/** Endings of the files of adapters: a folder with such a name could take the path of a file. */
const LIKE_A_FILE = /\.(?:safetensors|gguf|json|md)$/i;
/** Files are below the folder of an item and that of a target. */
const FILE_DEPTH = 2;

/** The folders of a batch's items in an archive: safe to be unpacked anywhere, and each item has one of its own. */
export class ArchiveFolders {
  /** In lower case: not all file systems tell it from upper case. */
  private readonly taken = new Set([RESULTS_FILE]);
  /** What the next one of the same name gets. */
  private readonly numbers = new Map<string, number>();

  /** Gives an item a folder. @param index what it is called by where nothing is left of its name */
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

/** A path that leads nowhere but down. Empty: nothing is left of it. */
function safePath(name: string): string {
  return name
    .split('/')
    .map(safePart)
    .filter((part) => part !== '')
    .map((part, depth) => (depth >= FILE_DEPTH && LIKE_A_FILE.test(part) ? `${part}_` : part))
    .join('/');
}

/** One part of such a path; `.` and `..` are nothing. */
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
