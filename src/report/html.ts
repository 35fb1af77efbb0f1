/** Markup that is safe to put into a page. Only `html` and `trusted` create it. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = string | number | Html | readonly Html[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Escapes a text for use in an element, or in an attribute within quotes. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (mark) => ENTITIES[mark]!);

/** Markup that was made elsewhere and is known to be safe. */
export const trustedHtml = (text: string): Html => new Html(text);

/** A template of markup. Values are escaped unless they are markup themselves; lists of markup are joined. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  let text = strings[0]!;
  parts.forEach((part, index) => {
    text += markup(part) + strings[index + 1]!;
  });
  return new Html(text);
}

/** The markup if the condition holds; otherwise nothing. */
export const when = (condition: unknown, make: () => Html): Html => (condition ? make() : NOTHING);

const NOTHING = new Html('');

function markup(part: Part): string {
  if (part instanceof Html) return part.text;
  if (typeof part === 'string') return escapeHtml(part);
  return typeof part === 'number' ? String(part) : part.map(({ text }) => text).join('');
}
