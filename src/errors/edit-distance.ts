/** Whether at most this many typing errors, which include swapped neighbouring letters, separate two names. */
export function isWithinEdits(one: string, other: string, edits: number): boolean {
  if (one === other) return true;
  if (edits === 0 || Math.abs(one.length - other.length) > edits) return false;
  let at = 0;
  while (at < one.length && one[at] === other[at]) at++;
  const [a, b] = [one.slice(at), other.slice(at)];
  const isSwapped = a.length > 1 && a[0] === b[1] && a[1] === b[0];
  return (
    isWithinEdits(a.slice(1), b.slice(1), edits - 1) ||
    isWithinEdits(a.slice(1), b, edits - 1) ||
    isWithinEdits(a, b.slice(1), edits - 1) ||
    (isSwapped && isWithinEdits(a.slice(2), b.slice(2), edits - 1))
  );
}
