import { quote } from '../json/quote.ts';

/** The first few names in quotes, and how many more there are: what a file lists can be thousands of names. */
export function quoteSome(names: readonly string[], most: number): string {
  const shown = names
    .slice(0, most)
    .map((name) => quote(name))
    .join(', ');
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}
