import type { ComponentChildren } from 'preact';
import { layerLabels, modulePlaces } from '../../../src/charts/module-names.ts';

/** The location of a module in the model, as a table shows it. */
export interface PlaceInTable {
  /** The whole path of the layer; empty if the module's name has none. */
  readonly layer: string;
  /** What distinguishes the layer from the others: `11`, `down 1.0`. */
  readonly layerLabel: string;
  readonly projection: string;
}

/** The layers and projections of an adapter's modules, for separate columns. */
export function placesInTable(modules: readonly { readonly name: string }[]): PlaceInTable[] {
  const places = modulePlaces(modules.map(({ name }) => name));
  const layers = [...new Set(places.map(({ layer }) => layer))];
  const labels = new Map(layerLabels(layers).map((label, index) => [layers[index]!, label]));
  return places.map((place) => ({ ...place, layerLabel: labels.get(place.layer)! }));
}

/** Matches the end of a part of a name, after which a line may break. */
const PART_END = /(?<=[._:/])/;

/** A path that wraps only between its parts, never inside a word. */
export const Path = ({ text }: { text: string }) => (
  <bdi>
    {text
      .split(PART_END)
      .flatMap((part, index): ComponentChildren[] => (index === 0 ? [part] : [<wbr key={index} />, part]))}
  </bdi>
);

interface ModuleNameProps {
  /** The full name of the module. */
  readonly name: string;
  /** The short form of the layer, shown where the page has no room for a column of layers. */
  readonly layer?: string;
  /** The text shown for the module. */
  readonly shown: string;
  readonly onPick?: (() => void) | undefined;
}

/** The name of a module in a row of a table; clicking it picks the module. */
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
