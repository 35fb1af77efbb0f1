import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { parsePromql, scrapedSeries } from './promql.ts';

const FOLDER = join(import.meta.dirname, '../../deploy/prometheus');

export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export const PROMETHEUS_FOLDER = FOLDER;

/** Every rule of deploy/prometheus/rules, in the order Prometheus reads them. */
export function allRules(): Rule[] {
  const folder = join(FOLDER, 'rules');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yml'))
    .sort()
    .flatMap((name) => {
      const { groups } = parse(readFileSync(join(folder, name), 'utf8')) as { groups: { rules: Rule[] }[] };
      return groups.flatMap(({ rules }) => rules);
    });
}

/** What expressions may query: scraped series, and recorded ones with the labels that their sum keeps. */
export function knownSeries(): Map<string, readonly string[]> {
  const known = scrapedSeries();
  for (const { record, expr } of allRules()) {
    if (!record) continue;
    const { selectors, groupedBy, without } = parsePromql(expr);
    const all = without.length > 0 ? selectors.flatMap(({ metric }) => known.get(metric) ?? []) : groupedBy;
    // histogram_quantile consumes "le"; no rule keeps buckets.
    known.set(
      record,
      [...new Set(all)].filter((label) => label !== 'le' && !without.includes(label)),
    );
  }
  return known;
}
