/** A number and what it counts, for a message: "1 module is", "2 modules are". */
export const counted = (count: unknown, one: string, several = `${one}s`): string =>
  `${count} ${count === 1 ? one : several}`;
