const MAX_KEY_LENGTH = 512;
const SEGMENT = /^[a-z0-9_-][a-z0-9._-]*$/;

/** Top-level folder of half-written files; no key may lead into it. */
export const SCRATCH_FOLDER = 'tmp';

export function isBlobKey(key: string): boolean {
  const segments = key.split('/');
  return (
    key.length <= MAX_KEY_LENGTH &&
    segments.every((segment) => SEGMENT.test(segment)) &&
    segments[0] !== SCRATCH_FOLDER
  );
}

/**
 * Returns the key, or throws: keys are made by our own code, so a bad one is a mistake in the program and never a
 * reason to touch the disk. Segments may not start with a dot, which rules out "." and "..".
 * @throws TypeError
 */
export function checkedKey(key: string): string {
  if (!isBlobKey(key)) throw new TypeError(`Not a blob key: ${JSON.stringify(key.slice(0, MAX_KEY_LENGTH))}`);
  return key;
}
