import type { MetricFamily } from '../src/metrics/metrics.ts';

const HEAD = `# Metrics

<!-- Generated from src/metrics by \`npx tsx scripts/write-metrics.ts\`. -->

Every process, API or worker, answers \`GET /metrics\` in Prometheus' text format, on port \`PROBE_PORT\` if that is set.
Metrics of jobs are counted by the process that ran the job, so sum them over all processes. Every API process reads
\`lora_squeeze_queue_…\` and \`lora_squeeze_worker_slots\` from the database and shows the same values, so take their maximum.
Labels have few values: never ids of records or URLs, and [a limited number](observability.md#tenants-in-metrics) of tenants.

A counter with labels appears with its first event. [deploy/prometheus](../deploy/prometheus) has a scrape
configuration, recording rules and alerts, and [deploy/grafana](../deploy/grafana) has two dashboards. The [runbooks](runbooks/README.md)
say what to do about each alert.
`;

const TABLE = `
| metric | type | labels | meaning |
|---|---|---|---|
`;

/** The tables with their titles, and which names belong to each. */
const PARTS: readonly (readonly [title: string, belongs: RegExp])[] = [
  ['The service', /^lora_squeeze_/],
  ['HTTP', /^http_/],
  ['The process', /^(process|nodejs)_/],
];

/**
 * The text of docs/metrics.md.
 * @throws Error if a metric belongs to none of the tables
 */
export function metricsPage(families: readonly MetricFamily[]): string {
  const left = families.filter(({ name }) => !PARTS.some(([, belongs]) => belongs.test(name)));
  if (left.length > 0) throw new Error(`no table for ${left.map(({ name }) => name).join(', ')}`);
  const tables = PARTS.map(([title, belongs]) => {
    const rows = families
      .filter(({ name }) => belongs.test(name))
      .sort((one, two) => (one.name < two.name ? -1 : 1))
      .map(row);
    return `\n## ${title}\n${TABLE}${rows.join('')}`;
  });
  return HEAD + tables.join('');
}

const row = ({ name, type, labels, help }: MetricFamily): string =>
  `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help.replaceAll('|', '\\|')} |\n`;
