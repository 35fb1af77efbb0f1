/**
 * Rules on which properties of an object may be combined, beyond JSON Schema. Validators implement these keywords
 * (http/schema-keywords.ts).
 */
export const AT_MOST_ONE = 'x-at-most-one';
export const AT_LEAST_ONE = 'x-at-least-one';
export const ONLY_WITH = 'x-only-with';

/** At most one of these properties may be present. */
export const atMostOne = (names: readonly string[]) => ({ [AT_MOST_ONE]: [...names] });

/** At least one of these properties must be present. */
export const atLeastOne = (names: readonly string[]) => ({ [AT_LEAST_ONE]: [...names] });

/** Exactly one of these properties must be present. */
export const exactlyOne = (names: readonly string[]) => ({ ...atMostOne(names), ...atLeastOne(names) });

/** Each of these properties may be present only together with at least one of those listed for it. */
export const onlyWith = (rules: Readonly<Record<string, readonly string[]>>) => ({ [ONLY_WITH]: rules });
