import type { Labels } from '../../contract/labels.ts';
import { sql } from '../sql.ts';
import type { Link } from './list-page.ts';

/** A label that is searched for, with its text. */
export interface LabelFilterTerm {
  readonly name: string;
  readonly text: string;
}

/** Parses "team:search" to a label. Names contain no colon, but texts may. */
export function parseLabelFilter(filter: string): LabelFilterTerm {
  const colon = filter.indexOf(':');
  return { name: filter.slice(0, colon), text: filter.slice(colon + 1) };
}

/** The rows by which a record is found by its labels. @param of the columns that identify the record */
export const labelRows = <Of extends object>(tenant: string, labels: Labels = {}, of: Of) =>
  Object.entries(labels).map(([name, text]) => ({ tenant, name, text: JSON.stringify(text), ...of }));

/** Links to the records in a list that have the labels. */
export const labelLinks = (
  table: 'adapter_label' | 'batch_label' | 'job_label',
  labels: readonly LabelFilterTerm[] = [],
): Link[] =>
  labels.map(({ name, text }) => ({ from: sql.table(table), where: { name, text: JSON.stringify(text) } }));

export const hasLabels = (labels: Labels, wanted: readonly LabelFilterTerm[]): boolean =>
  wanted.every(({ name, text }) => Object.hasOwn(labels, name) && labels[name] === text);
