import type { ComponentChildren } from 'preact';
import { layerLabels, modulePlaces } from '../../../src/charts/module-names.ts';

/** Where a module is, as a table shows it. */
export interface PlaceInTable {
  /** The whole path of the layer; empty where the name has none. */
  readonly layer: string;
  /** What tells it from the other layers: `11`, `down 1.0`. */
  readonly layerLabel: string;
  readonly projection: string;
}

/** Layers and projections of the modules of an adapter, for columns of their own. */
export function placesInTable(modules: readonly { readonly name: string }[]): PlaceInTable[] {
  const places = modulePlaces(modules.map(({ name }) => name));
  const layers = [...new Set(places.map(({ layer }) => layer))];
  const labels = new Map(layerLabels(layers).map((label, index) => [layers[index]!, label]));
  return places.map((place) => ({ ...place, layerLabel: labels.get(place.layer)! }));
}

/** A part of a name ends here, and a line may. */
const PART_END = /(?<=[._:/])/;

/** A path that is broken between its parts only, never inside a word. */
export const Path = ({ text }: { text: string }) => (
  <bdi>
    {text
      .split(PART_END)
      .flatMap((part, index): ComponentChildren[] => (index === 0 ? [part] : [<wbr key={index} />, part]))}
  </bdi>
);

interface ModuleNameProps {
  /** The whole name. */
  readonly name: string;
  /** What is shown of its layer where the page has no room for a column of layers. */
  readonly layer?: string;
  /** What is shown of it. */
  readonly shown: string;
  readonly onPick?: (() => void) | undefined;
}

/** The name of a module in a row of a table, which can be picked. */
export function ModuleName({ name, layer = '', shown, onPick }: ModuleNameProps) {
  const text = (
    <>
      {layer !== '' && <span class="narrow-layer">{layer}</span>}
      <Path text={shown} />
    </>
  );
  return onPick ? (
    <button type="button" class="module-name" title={name} aria-label={name} onClick={onPick}>
      {text}
    </button>
  ) : (
    <span class="module-name" title={name}>
      {text}
    </span>
  );
}
