import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { freePort } from '../free-port.ts';
import { PROMETHEUS_FOLDER } from './rule-files.ts';

const START_LIMIT_MS = 180_000;
const POLL_MS = 100;

/** One line of a graph: its labels, and its samples as [unix seconds, value]. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [number, string])[];
}

export interface EvaluatedRule {
  readonly name: string;
  readonly type: 'recording' | 'alerting';
  readonly health: string;
  readonly lastError?: string;
  /** The groups of alerting rules. */
  readonly state?: 'inactive' | 'pending' | 'firing';
}

/** A real Prometheus with our configuration and rules. */
export interface PrometheusServer {
  /** Samples from `since` to now, one per second. */
  queryRange(expression: string, sinceMs: number): Promise<Series[]>;
  rules(): Promise<EvaluatedRule[]>;
  stop(): Promise<void>;
}

export const hasPrometheus = (): boolean => spawnSync('prometheus', ['--version']).error === undefined;

/**
 * Starts Prometheus with deploy/prometheus/prometheus.yml, except that it scrapes and evaluates every second,
 * and finds the processes through `targets` (job to host:port) instead of DNS.
 */
export async function startPrometheus(
  folder: string,
  targets: Readonly<Record<string, string>>,
): Promise<PrometheusServer> {
  mkdirSync(folder, { recursive: true });
  const config = join(folder, 'prometheus.yml');
  writeFileSync(config, configuration(targets));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const server = spawn(
    'prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let log = '';
  server.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  const deadline = Date.now() + START_LIMIT_MS;
  while (!(await answers(`${url}/-/ready`))) {
    if (server.exitCode !== null || Date.now() > deadline) {
      server.kill('SIGKILL');
      throw new Error(`Prometheus did not start:\n${log}`);
    }
    await sleep(POLL_MS);
  }

  async function ask<T>(path: string, parameters: Record<string, string> = {}): Promise<T> {
    const response = await fetch(`${url}${path}?${new URLSearchParams(parameters)}`);
    const answer = (await response.json()) as { status: string; data: T; error?: string };
    if (answer.status !== 'success') throw new Error(`${answer.error}: ${parameters.query}`);
    return answer.data;
  }

  return {
    async queryRange(query, sinceMs) {
      const [start, end] = [sinceMs, Date.now()].map((ms) => String(ms / 1000));
      const { result } = await ask<{ result: Series[] }>('/api/v1/query_range', {
        query,
        start: start!,
        end: end!,
        step: '1',
      });
      return result;
    },
    async rules() {
      const { groups } = await ask<{ groups: { rules: EvaluatedRule[] }[] }>('/api/v1/rules');
      return groups.flatMap(({ rules }) => rules);
    },
    async stop() {
      if (server.exitCode !== null || server.signalCode !== null) return;
      const exited = once(server, 'exit');
      server.kill('SIGTERM');
      await exited;
    },
  };
}

function configuration(targets: Readonly<Record<string, string>>): string {
  const config = parse(readFileSync(join(PROMETHEUS_FOLDER, 'prometheus.yml'), 'utf8')) as {
    rule_files: string[];
    scrape_configs: Record<string, unknown>[];
  };
  return stringify({
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: config.rule_files.map((path) => join(PROMETHEUS_FOLDER, path)),
    scrape_configs: config.scrape_configs
      .filter(({ job_name }) => (job_name as string) in targets)
      .map(({ dns_sd_configs: _byName, ...scrape }) => ({
        ...scrape,
        static_configs: [{ targets: [targets[scrape.job_name as string]] }],
      })),
  });
}

const answers = (address: string): Promise<boolean> =>
  fetch(address).then(
    (response) => response.ok,
    () => false,
  );
