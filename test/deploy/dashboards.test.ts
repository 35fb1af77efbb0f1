import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { Metrics } from '../../src/metrics/metrics.ts';
import { allDashboards, type Box, filledIn, GRAFANA_FOLDER, panelSeries } from './dashboards.ts';
import { parsePromql, unknownIn } from './promql.ts';
import { allRules } from './rule-files.ts';

const GRID_COLUMNS = 24;
/** The only variable through which a dashboard selects its Prometheus. */
const DATA_SOURCE = { type: 'prometheus', uid: `\${datasource}` };

/** Metrics of Node.js and the process: panels have those that show trouble. The others can be queried. */
const LEFT_OUT = [
  /^nodejs_(?!eventloop_lag_p99)/,
  /^process_(?:cpu_(?:system|user)_seconds_total|heap_bytes|max_fds|virtual_memory_bytes)$/,
  // The requeued executions show more: they are counted by reason.
  /^lora_squeeze_job_attempts_total$/,
];

const dashboards = allDashboards();
const known = panelSeries();
const provisioned = (file: string) =>
  parse(readFileSync(join(GRAFANA_FOLDER, 'provisioning', file), 'utf8')) as Record<string, unknown>;

const overlap = (a: Box, b: Box): boolean =>
  a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

describe('deploy/grafana', () => {
  it('has two dashboards, each with its own uid', () => {
    assert.deepEqual(
      dashboards.map(({ uid }) => uid),
      ['lora-squeeze-service', 'lora-squeeze-squeezing'],
    );
  });

  for (const { file, panels, templating } of dashboards) {
    describe(file, () => {
      const queries = panels.flatMap(({ title, targets = [] }) =>
        targets.map((query) => ({ title, ...query, expr: filledIn(query.expr, '1m', '6h') })),
      );

      it('queries only metrics and labels that exist, in valid PromQL', () => {
        assert.ok(queries.length > 0);
        assert.deepEqual(
          queries.flatMap(({ title, expr }) =>
            unknownIn(expr, known).map((problem) => `${title}: ${problem}`),
          ),
          [],
        );
      });

      it('uses no variable that Grafana does not know', () => {
        for (const { title, expr } of queries) assert.doesNotMatch(expr, /\$/, title);
      });

      it('names its lines by labels that the result has', () => {
        for (const { title, expr, legendFormat } of queries) {
          const { selectors, groupedBy } = parsePromql(expr);
          const isGrouped = /\bby \(/.test(expr);
          const kept = isGrouped
            ? new Set([...groupedBy, ...recordedLabels(selectors)])
            : new Set(selectors.flatMap(({ metric }) => known.get(metric) ?? []));
          for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g))
            assert.ok(kept.has(label!), `${title}: "${label}" is not a label of ${expr}`);
        }
      });

      it('has panels with different ids and titles, on one grid, without overlaps', () => {
        for (const key of ['id', 'title'] as const) {
          const values = panels.map((panel) => panel[key]);
          assert.equal(new Set<unknown>(values).size, values.length, `a panel's ${key} is used twice`);
        }
        for (const [i, panel] of panels.entries()) {
          const { x, w, h } = panel.gridPos;
          assert.ok(x >= 0 && w > 0 && h > 0 && x + w <= GRID_COLUMNS, `${panel.title} leaves the grid`);
          for (const other of panels.slice(i + 1))
            assert.ok(!overlap(panel.gridPos, other.gridPos), `${panel.title} lies over ${other.title}`);
        }
      });

      it('queries the source that its variable selects', () => {
        assert.deepEqual(
          templating.list.map(({ name, type }) => `${name} ${type}`),
          [
            'datasource datasource',
            'namespace query',
            'instance query',
            'tenant query',
            'service_url textbox',
          ],
        );
        for (const { title, type, datasource, targets = [] } of panels) {
          if (type === 'row') continue;
          assert.deepEqual(datasource, DATA_SOURCE, title);
          assert.ok(targets.length > 0, `${title} asks nothing`);
          for (const target of targets) assert.deepEqual(target.datasource, DATA_SOURCE, title);
          assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length, `refId in ${title}`);
        }
      });
    });
  }

  it('shows every metric on a panel, or leaves it out deliberately', () => {
    const shown = dashboards.flatMap(({ panels }) =>
      panels.flatMap(({ targets = [] }) =>
        targets.flatMap(({ expr }) =>
          parsePromql(filledIn(expr, '1m', '6h')).selectors.map(({ metric }) => metric),
        ),
      ),
    );
    const recorded = allRules().filter(({ record }) => record !== undefined && shown.includes(record));
    const throughRules = recorded.flatMap(({ expr }) =>
      parsePromql(expr).selectors.map(({ metric }) => metric),
    );
    const seen = new Set(
      [...shown, ...throughRules].map((name) => name.replace(/_(?:bucket|sum|count)$/, '')),
    );
    const names = new Metrics({ version: '1.2.3' }).families().map(({ name }) => name);
    const left = names.filter((name) => !seen.has(name));
    assert.deepEqual(
      left.filter((name) => !LEFT_OUT.some((pattern) => pattern.test(name))),
      [],
    );
    for (const pattern of LEFT_OUT)
      assert.ok(
        left.some((name) => pattern.test(name)),
        `${pattern} is shown`,
      );
  });

  it('links alerts to runbooks, and dashboards to the jobs', () => {
    for (const { links } of dashboards) {
      const urls = links.map(({ url }) => url);
      assert.ok(urls.includes('https://docs.lora-squeeze.example/runbooks/README.md'));
      assert.ok(urls.includes(`\${service_url}/#/jobs`));
    }
  });

  it('is provisioned with the source that dashboards select by default', () => {
    const { datasources } = provisioned('datasources/prometheus.yml') as {
      datasources: { uid: string; type: string; jsonData: { timeInterval: string } }[];
    };
    assert.equal(datasources.length, 1);
    const [source] = datasources;
    assert.equal(source!.type, 'prometheus');
    for (const { templating } of dashboards) {
      const [variable] = templating.list as unknown as { current: { value: string } }[];
      assert.equal(variable!.current.value, source!.uid);
    }
    const { global } = parse(readFileSync(join(GRAFANA_FOLDER, '../prometheus/prometheus.yml'), 'utf8')) as {
      global: { scrape_interval: string };
    };
    assert.equal(source!.jsonData.timeInterval, global.scrape_interval);
  });
});

const recordedLabels = (selectors: readonly { metric: string }[]): string[] =>
  selectors.filter(({ metric }) => metric.includes(':')).flatMap(({ metric }) => known.get(metric) ?? []);
