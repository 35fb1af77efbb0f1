/** C0, DEL and C1 control characters would garble logs and terminals. */
const CONTROL = /\p{Cc}/u;
/** Some tools use tensor names as paths (one file for each tensor). */
const PATH_LIKE = /^[/\\]|^[a-zA-Z]:[/\\]|(?:^|[/\\])\.\.(?:[/\\]|$)/;

/** Code unit order: the same everywhere, unlike localeCompare. */
export const byName = (x: { readonly name: string }, y: { readonly name: string }): number =>
  x.name < y.name ? -1 : x.name > y.name ? 1 : 0;

/**
 * The fault in a tensor name from an untrusted file of any format.
 * @param maxBytes longest allowed name in UTF-8
 * @returns undefined for a valid name
 */
export function faultOfName(name: string, maxBytes: number): string | undefined {
  const bytes = Buffer.byteLength(name);
  if (bytes > maxBytes) return `the name has ${bytes} bytes, but may have at most ${maxBytes}`;
  if (name === '') return 'the name is empty';
  if (CONTROL.test(name)) return 'the name has control characters';
  if (PATH_LIKE.test(name))
    return 'the name would be an unsafe path, because it is absolute or contains ".."';
  if (name.split('.').includes('__proto__')) return 'a part of the name is "__proto__"';
  return undefined;
}
