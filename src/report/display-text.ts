/**
 * Characters that a reader does not see and that change what is seen: controls, line and paragraph separators, the
 * marks of bidirectional text (Unicode UAX #9), halves of surrogate pairs. XML 1.0 (2.2) does not allow most of them.
 */
const UNSEEN =
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u{061c}\u{200b}\u{200e}\u{200f}\u{202a}-\u{202e}\u{2060}\u{2066}-\u{2069}\u{feff}\u{fffe}\u{ffff}]/gu;

/** The longest name that is shown whole. */
export const MAX_SHOWN = 160;

/**
 * Makes an untrusted text readable: it is on one line, invisible characters are shown as their code points, and a long text
 * is cut in the middle. The result still has to be escaped.
 * @param maximum length in UTF-16 units, at least 8
 */
export function displayText(text: string, maximum = MAX_SHOWN): string {
  const cut =
    text.length <= maximum
      ? text
      : `${beginOf(text, maximum >> 2)}…${endOf(text, maximum - (maximum >> 2) - 1)}`;
  return cut.replace(
    UNSEEN,
    (found) => `⟨U+${found.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}⟩`,
  );
}

const beginOf = (text: string, length: number): string =>
  text.slice(0, length).replace(/[\ud800-\udbff]$/, '');
const endOf = (text: string, length: number): string => text.slice(-length).replace(/^[\udc00-\udfff]/, '');
