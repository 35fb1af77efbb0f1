import { modulePlaces } from '../../../src/charts/module-names.ts';

interface NamedModule {
  readonly name: string;
  /** Its own rank, which it keeps where nothing is said of it. */
  readonly rank: number;
}

/** Keys that the service takes as they are, and looks up among the ends of names. */
const LITERAL = /^[\w.]+$/;
const SPECIAL = /[\\^$.*+?()[\]{}|]/g;

/**
 * A rank_pattern that gives every module just its rank, in few keys: where a projection has mostly one rank, one key says
 * so for all layers, after those of the modules that have another. Modules that keep their rank need no key, unless that
 * of their projection would catch them.
 * @param ranks one for each module, none above its own
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
    // Just these modules end so: the key means them and no other.
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
  // A pattern says something, even where all modules stay as they are.
  return Object.fromEntries(entries.length > 0 ? entries : [[keyOf(modules[0]!.name, ends), ranks[0]!]]);
}

/** How many names have each text after one of their dots. */
function endsOf(names: Iterable<string>): ReadonlyMap<string, number> {
  const ends = new Map<string, number>();
  for (const name of names)
    for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) {
      const end = name.slice(dot + 1);
      ends.set(end, (ends.get(end) ?? 0) + 1);
    }
  return ends;
}

/** The name itself; anchored where it could mean another module as well. */
const keyOf = (name: string, ends: ReadonlyMap<string, number>): string =>
  LITERAL.test(name) && !ends.has(name) ? name : `^${name.replace(SPECIAL, '\\$&')}`;

/** Of several the first; undefined where that is not more than one. */
function mostFrequent(values: readonly number[]): number | undefined {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const [value, count] = [...counts].reduce((best, one) => (one[1] > best[1] ? one : best));
  return count > 1 ? value : undefined;
}
