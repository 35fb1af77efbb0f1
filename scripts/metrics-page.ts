import type { MetricFamily } from '../src/metrics/metrics.ts';

const HEAD = `# Metrics

<!-- Generated from src/metrics by \`npx tsx scripts/write-metrics.ts\`. -->

\`GET /metrics\` of every process, API or worker, in Prometheus' text format; at \`PROBE_PORT\` where that is set.
What belongs to jobs is counted by the process that ran the job, so sum over all processes. What begins with
\`lora_squeeze_queue_\`, and \`lora_squeeze_worker_slots\`, is read from the database by every process that answers the API:
all tell the same, so take the maximum. Labels have few values: never an id of a record, never a URL; of tenants
[as many as you say](observability.md#tenants-in-metrics).

A counter with labels appears with its first event. [deploy/prometheus](../deploy/prometheus) holds a scrape
configuration, recording and alert rules; [deploy/grafana](../deploy/grafana) two dashboards; [runbooks](runbooks.md)
say what to do when an alert is raised.
`;

const TABLE = `
| metric | type | labels | meaning |
|---|---|---|---|
`;

/** Titles of the tables, and which names they hold. */
const PARTS: readonly (readonly [title: string, belongs: RegExp])[] = [
  ['The service', /^lora_squeeze_/],
  ['HTTP', /^http_/],
  ['The process', /^(process|nodejs)_/],
];

/**
 * docs/metrics.md.
 * @throws Error when a metric would be in none of its tables
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
