import { byNumbers, layerLabels, type ModulePlace, modulePlaces } from './module-names.ts';

/** The position of each module of an adapter in a map of its layers. */
export interface ModuleGrid {
  /** Projections, from the top. */
  readonly rows: readonly string[];
  /** Layers, from the left. */
  readonly columns: readonly string[];
  /** Labels of the columns. */
  readonly columnLabels: readonly string[];
  /** What a column stands for. */
  readonly columnName: string;
  /** The position of every module, in the order of the names. */
  readonly places: readonly { readonly row: number; readonly column: number }[];
}

/** Up to this many modules without layers are listed one below the other. */
const MAX_LISTED = 24;
/** If there are more, they are laid out in rows of this many. */
const SHELF = 16;

/** Layers across, projections down. Modules that are only numbered (`unet:143`) fill rows of sixteen, as text does. */
export function moduleGrid(names: readonly string[]): ModuleGrid {
  const named = modulePlaces(names);
  const isList = named.length > MAX_LISTED && named.every(({ layer }) => layer === '');
  const placed = isList ? named.map(({ projection }) => onShelf(projection)) : named;
  const rows = sorted(placed.map(({ projection }) => projection));
  const columns = sorted(placed.map(({ layer }) => layer));
  const rowOf = positions(rows);
  const columnOf = positions(columns);
  return {
    rows,
    columns,
    columnLabels: isList ? columns : layerLabels(columns),
    columnName: isList ? 'place in the row' : 'layer',
    places: placed.map(({ layer, projection }) => ({
      row: rowOf.get(projection)!,
      column: columnOf.get(layer)!,
    })),
  };
}

/** `unet:37` is in the row `unet 32–47`, at position 5. */
function onShelf(name: string): ModulePlace {
  const found = /^(.*?)[._:]?(\d{1,9})$/.exec(name);
  if (!found) return { layer: '0', projection: name };
  const number = Number(found[2]);
  const first = number - (number % SHELF);
  return { layer: String(number % SHELF), projection: `${found[1]} ${first}–${first + SHELF - 1}`.trim() };
}

const sorted = (labels: readonly string[]): string[] => [...new Set(labels)].sort(byNumbers);

const positions = (labels: readonly string[]): ReadonlyMap<string, number> =>
  new Map(labels.map((label, index) => [label, index]));
