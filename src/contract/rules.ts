/** Which properties of an object go together, beyond JSON Schema. Validators know these keywords (http/schema-keywords.ts). */
export const AT_MOST_ONE = 'x-at-most-one';
export const AT_LEAST_ONE = 'x-at-least-one';
export const ONLY_WITH = 'x-only-with';

/** No two of these properties may be there. */
export const atMostOne = (names: readonly string[]) => ({ [AT_MOST_ONE]: [...names] });

/** One of these properties has to be there. */
export const atLeastOne = (names: readonly string[]) => ({ [AT_LEAST_ONE]: [...names] });

/** Of these properties one has to be there, and no two. */
export const exactlyOne = (names: readonly string[]) => ({ ...atMostOne(names), ...atLeastOne(names) });

/** Each of these properties may be there only where one of those that it names is. */
export const onlyWith = (rules: Readonly<Record<string, readonly string[]>>) => ({ [ONLY_WITH]: rules });
