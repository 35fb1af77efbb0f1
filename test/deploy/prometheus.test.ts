import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { parse } from 'yaml';
import { DECK } from '../chaos/monkey.ts';
import { anchorsOf } from './markdown.ts';
import { parsePromql, unknownIn } from './promql.ts';
import { allRules, knownSeries, PROMETHEUS_FOLDER } from './rule-files.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const TESTS = readdirSync(join(PROMETHEUS_FOLDER, 'tests')).map((name) => `tests/${name}`);
const alerts = allRules().filter(({ alert }) => alert !== undefined);

function promtool(t: TestContext, args: string[]): void {
  const { error, status, stdout, stderr } = spawnSync('promtool', args, {
    cwd: PROMETHEUS_FOLDER,
    encoding: 'utf8',
  });
  if (error) t.skip('promtool is not installed (Debian: prometheus)');
  else assert.equal(status, 0, `${stdout}${stderr}`);
}

describe('deploy/prometheus', () => {
  it('is a configuration that Prometheus reads, with its rules', (t) =>
    promtool(t, ['check', 'config', 'prometheus.yml']));

  it('raises each alert when it should, and only then', (t) => promtool(t, ['test', 'rules', ...TESTS]));

  it('asks only for metrics and labels that exist', () => {
    const known = knownSeries();
    assert.deepEqual(
      allRules().flatMap(({ expr }) => unknownIn(expr, known)),
      [],
    );
  });

  it('has a unit test for every alert', () => {
    const tested = TESTS.map((name) => readFileSync(join(PROMETHEUS_FOLDER, name), 'utf8')).join('\n');
    for (const { alert } of alerts) {
      const raised = new RegExp(`alertname: ${alert}\\n\\s+eval_time: \\S+\\n\\s+exp_alerts:\\n`);
      assert.match(tested, raised, `no test in which ${alert} is raised`);
    }
  });

  it('gives every alert a severity, a summary, and the address of its section in the runbooks', () => {
    for (const { alert, labels, annotations } of alerts) {
      assert.ok(['critical', 'warning'].includes(labels?.severity ?? ''), `severity of ${alert}`);
      assert.match(annotations?.summary ?? '', /^\S.{20,}\.$/s, `summary of ${alert}`);
      const [, base, page, anchor] =
        /^(https:\/\/[^/]+)\/(runbooks\/[\w-]+\.md)#(.+)$/.exec(annotations?.runbook_url ?? '') ?? [];
      assert.equal(base, 'https://docs.lora-squeeze.example', `runbook_url of ${alert}`);
      const sections = read(`docs/${page}`).split(/^(?=## )/m);
      const section = sections.find((text) => anchorsOf(text).includes(anchor!));
      assert.ok(section, `${alert}: no section "${anchor}" in docs/${page}`);
      assert.ok(section.includes(`\`${alert}\``), `docs/${page}#${anchor} does not name ${alert}`);
    }
  });

  it('keeps deployments apart in every sum', () => {
    for (const { record, alert, expr } of allRules())
      for (const [, labels] of expr.matchAll(/\bby \(([^)]*)\)/g))
        assert.ok(labels!.split(', ').includes('namespace'), `${record ?? alert}: by (${labels})`);
  });

  it('has a test for every fault of the chaos run', () => {
    const { tests } = parse(readFileSync(join(PROMETHEUS_FOLDER, 'tests/chaos.test.yml'), 'utf8')) as {
      tests: { name: string }[];
    };
    const tested = tests.flatMap(({ name }) => name.split(':', 1)[0]!.split(', '));
    assert.deepEqual(
      [...new Set<string>(DECK)].filter((deed) => !tested.includes(deed)),
      [],
    );
  });

  it('leaves out or selects only routes that exist', () => {
    const { paths } = parse(read('openapi.yaml')) as { paths: Record<string, unknown> };
    const routes = Object.keys(paths).map((path) => path.replaceAll(/\{(\w+)\}/g, ':$1'));
    const named = allRules().flatMap(({ expr }) => valuesOf(expr, 'route'));
    assert.ok(named.length > 0);
    for (const route of named.flatMap((value) => value.split('|')))
      assert.ok(routes.includes(route), `${route} is not a route: ${routes.join(' ')}`);
  });
});

const valuesOf = (expression: string, label: string): string[] =>
  parsePromql(expression).selectors.flatMap(({ matchers }) =>
    matchers.filter((matcher) => matcher.label === label).map(({ value }) => value),
  );
