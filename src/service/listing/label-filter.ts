import type { Labels } from '../../contract/labels.ts';

/** A label that has to be there, with its text. */
export interface WantedLabel {
  readonly name: string;
  readonly text: string;
}

/** "team:search" as a label: names have no colon, texts may. */
export function wantedLabel(filter: string): WantedLabel {
  const colon = filter.indexOf(':');
  return { name: filter.slice(0, colon), text: filter.slice(colon + 1) };
}

export const hasLabels = (labels: Labels, wanted: readonly WantedLabel[]): boolean =>
  wanted.every(({ name, text }) => Object.hasOwn(labels, name) && labels[name] === text);
