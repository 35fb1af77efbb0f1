/** Code unit order: the same everywhere, unlike localeCompare. */
export const byName = (x: { readonly name: string }, y: { readonly name: string }): number =>
  x.name < y.name ? -1 : x.name > y.name ? 1 : 0;
