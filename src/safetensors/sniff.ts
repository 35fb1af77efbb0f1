import { conversionAdvice } from '../adapter/pickle-refused.ts';
import { AppError } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/error-kinds.ts';

/** Enough for every magic number, an LFS pointer, a tar header (magic at 257) and a zip's first entry name. */
export const SNIFF_BYTES = 512;

/** A format that is not safetensors. */
interface OtherFormat {
  readonly code: ErrorCode;
  /** What the file is and what to do about it. */
  readonly what: string;
  /** Whether the first bytes, as latin1 text, are of this format. */
  readonly test: (head: string) => boolean;
}

const starts =
  (...magics: readonly string[]) =>
  (head: string): boolean =>
    magics.some((magic) => head.startsWith(magic));

const SAVE_AGAIN = conversionAdvice('adapter_model.bin');
/** Where the name of a zip's first entry starts (APPNOTE 4.3.7). */
const ZIP_NAME_OFFSET = 30;
/** Text pickles (protocol 0) begin with an import, or a mark and a dictionary, list or import. */
const TEXT_PICKLE = /^(?:c[\w.]+\n\w+\n|\((?:[dl]p?\d*\n|c[\w.]+\n))/;
const HTML = /^\s*<(?:!doctype|html|head|body|\?xml)/i;
const JSON_TEXT = /^\s*[{[]\s*(?:["{[\]}]|$)/;
const withoutBom = (head: string): string => (head.startsWith('\xef\xbb\xbf') ? head.slice(3) : head);

/** The first that recognises the file wins. */
const OTHER_FORMATS: readonly OtherFormat[] = [
  {
    code: 'LFS_POINTER',
    what: 'a Git LFS pointer; fetch the weights with "git lfs pull" and send those',
    test: starts('version https://git-lfs'),
  },
  {
    code: 'PICKLE_REFUSED',
    what: `a PyTorch file (a zip with a pickle inside), which can run code; ${SAVE_AGAIN}`,
    // torch.save writes <folder>/data.pkl first
    test: (head) => starts('PK\x03\x04')(head) && head.slice(ZIP_NAME_OFFSET).includes('data.pkl'),
  },
  {
    code: 'PICKLE_REFUSED',
    what: `a pickle file, which can run code; ${SAVE_AGAIN}`,
    test: (head) => starts('\x80\x02', '\x80\x03', '\x80\x04', '\x80\x05')(head) || TEXT_PICKLE.test(head),
  },
  {
    code: 'UNSUPPORTED_CONTENT_ENCODING',
    what: 'gzip data; send the file uncompressed',
    test: starts('\x1f\x8b'),
  },
  unsupported('a zip archive; send the files themselves', starts('PK\x03\x04', 'PK\x05\x06', 'PK\x07\x08')),
  unsupported('a tar archive; send the files themselves', (head) => head.startsWith('ustar', 257)),
  unsupported(
    'a compressed archive; send the files themselves',
    starts('BZh', '\xfd7zXZ\0', '\x28\xb5\x2f\xfd', '7z\xbc\xaf\x27\x1c', 'Rar!'),
  ),
  unsupported('a GGUF file', starts('GGUF')),
  unsupported('an HDF5 file', starts('\x89HDF\r\n\x1a\n')),
  unsupported('a NumPy file', starts('\x93NUMPY')),
  unsupported('an image', starts('\xff\xd8\xff', '\x89PNG', 'GIF8')),
  unsupported('a PDF', starts('%PDF')),
  unsupported('an HTML page (a failed download?)', (head) => HTML.test(withoutBom(head))),
  unsupported('JSON text (were the two files swapped?)', (head) => JSON_TEXT.test(withoutBom(head))),
];

function unsupported(what: string, test: OtherFormat['test']): OtherFormat {
  return { code: 'UNSUPPORTED_FORMAT', what, test };
}

/**
 * Refuses a file by its first bytes (up to SNIFF_BYTES) if they belong to another known format. Not to be used for
 * files that may be safetensors: "\x80\x02" is also the beginning of valid files with a header of 640 bytes.
 * @throws AppError PICKLE_REFUSED, LFS_POINTER, UNSUPPORTED_FORMAT, UNSUPPORTED_CONTENT_ENCODING
 */
export function refuseOtherFormats(firstBytes: Uint8Array): void {
  const head = Buffer.from(firstBytes.subarray(0, SNIFF_BYTES)).toString('latin1');
  const found = OTHER_FORMATS.find(({ test }) => test(head));
  if (found) throw new AppError(found.code, `The weights are not a safetensors file but ${found.what}.`);
}
