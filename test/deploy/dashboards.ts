import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { knownSeries } from './rule-files.ts';

export const GRAFANA_FOLDER = join(import.meta.dirname, '../../deploy/grafana');
const FOLDER = join(GRAFANA_FOLDER, 'dashboards');

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

export interface DataSource {
  readonly type: string;
  readonly uid: string;
}

export interface Query {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat: string;
  readonly datasource: DataSource;
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: Box;
  readonly datasource?: DataSource;
  /** A row has none. */
  readonly targets?: readonly Query[];
}

export interface Dashboard {
  readonly file: string;
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly links: readonly { readonly url: string }[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] };
}

/** Every dashboard in deploy/grafana. */
export function allDashboards(): Dashboard[] {
  return readdirSync(FOLDER)
    .sort()
    .map((file) => ({ file, ...JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) }) as Dashboard);
}

/** Replaces variables as Grafana does: `rateInterval` and `range` are PromQL durations. */
export function filledIn(expression: string, rateInterval: string, range: string): string {
  const times = expression.replaceAll('$__rate_interval', rateInterval).replaceAll('$__range', range);
  return times.replaceAll(/\$(?:namespace|instance|tenant)\b/g, '.*');
}

/** What panels may query: scraped and recorded series, and Prometheus' own series of alerts. */
export function panelSeries(): Map<string, readonly string[]> {
  return knownSeries().set('ALERTS', ['alertname', 'alertstate', 'severity', 'namespace']);
}
