import { modulePlaces } from '../../../src/charts/module-names.ts';

interface NamedModule {
  readonly name: string;
  /** The module's present rank, which it keeps if the pattern has no key for it. */
  readonly rank: number;
}

/** Keys of only these characters are matched literally by the service, against the ends of module names. */
const LITERAL = /^[\w.]+$/;
const SPECIAL = /[\\^$.*+?()[\]{}|]/g;

/**
 * Writes a rank_pattern that gives every module exactly its rank, with few keys. If most modules of a
 * projection have the same rank, one key covers all layers; the keys of the modules with other ranks come
 * before it. Modules that keep their rank need no key, unless the key of their projection would match them.
 * @param ranks one for each module, at most the module's own rank
 */
export function rankPattern(
  modules: readonly NamedModule[],
  ranks: readonly number[],
): Record<string, number> {
  const places = modulePlaces(modules.map(({ name }) => name));
  const names = new Set(modules.map(({ name }) => name));
  const ends = endsOf(names);
  const byProjection = new Map<string, number[]>();
  for (const [index, { projection }] of places.entries()) {
    const others = byProjection.get(projection);
    if (others) others.push(index);
    else byProjection.set(projection, [index]);
  }
  const own: [key: string, rank: number][] = [];
  const shared: [key: string, rank: number][] = [];
  for (const [projection, members] of byProjection) {
    // Exactly these modules have names with this end, so the key matches no other module.
    const isShared =
      LITERAL.test(projection) && ends.get(projection) === members.length && !names.has(projection);
    const usual = isShared ? mostFrequent(members.map((index) => ranks[index]!)) : undefined;
    if (usual !== undefined) shared.push([projection, usual]);
    for (const index of members) {
      const { name, rank } = modules[index]!;
      if (ranks[index] !== (usual ?? rank)) own.push([keyOf(name, ends), ranks[index]!]);
    }
  }
  const entries = [...own, ...shared];
  // A pattern must have at least one key, even if all modules keep their ranks.
  return Object.fromEntries(entries.length > 0 ? entries : [[keyOf(modules[0]!.name, ends), ranks[0]!]]);
}

/** How many names end in each text that follows one of their dots. */
function endsOf(names: Iterable<string>): ReadonlyMap<string, number> {
  const ends = new Map<string, number>();
  for (const name of names)
    for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) {
      const end = name.slice(dot + 1);
      ends.set(end, (ends.get(end) ?? 0) + 1);
    }
  return ends;
}

/** The key for a single module: its name, anchored if it could match another module as well. */
const keyOf = (name: string, ends: ReadonlyMap<string, number>): string =>
  LITERAL.test(name) && !ends.has(name) ? name : `^${name.replace(SPECIAL, '\\$&')}`;

/** The most frequent value, the first one of several; undefined if no value occurs more than once. */
function mostFrequent(values: readonly number[]): number | undefined {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const [value, count] = [...counts].reduce((best, one) => (one[1] > best[1] ? one : best));
  return count > 1 ? value : undefined;
}
