import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { Environment, loadConfig } from '../../src/app/config.ts';
import { type ComposeService, composeConfig, composeProgram, ROOT } from './compose-file.ts';

/** src/main.ts: how much longer than SHUTDOWN_GRACE_MS a process may take. */
const CLOSING_MS = 30_000;
const S3 = ['--env-file', 'deploy/compose/s3.env', '--profile', 's3'];
const PROFILES: Readonly<Record<string, readonly string[]>> = {
  'no profile': [],
  s3: S3,
  cuda: ['--profile', 'cuda'],
  's3 and cuda': [...S3, '--profile', 'cuda'],
};

const program = composeProgram();
const missing = program ? false : 'docker-compose is not installed (Debian: docker-compose)';
const services = (options: readonly string[]) => Object.entries(composeConfig(program!, options).services);
const ours = (options: readonly string[]) =>
  services(options).filter(([, { image }]) => image.startsWith('lora-squeeze:'));
/** The environment of a container, with the values that the files of its secrets will contain. */
function environmentOf({ environment = {} }: ComposeService): Record<string, string> {
  // Names without a value are passed on only if they are set.
  const set = Object.entries(environment).flatMap(([name, value]) =>
    value === null ? [] : [[name, value] as const],
  );
  const given = set.map(([name, value]) => {
    const secret = /^\/run\/secrets\/(.+)$/.exec(value)?.[1];
    if (secret === undefined) return [name, value === 'change-me' ? 'changed' : value];
    return [name.replace(/_FILE$/, ''), secret === 'secrets_keys' ? SOME_KEY : 'some-password'];
  });
  return Object.fromEntries(given) as Record<string, string>;
}
const SOME_KEY = Buffer.alloc(32, 7).toString('base64');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** Converts "1m10s" to milliseconds. */
function milliseconds(duration: string): number {
  const [, minutes = '0', seconds = '0'] = /^(?:(\d+)m)?(?:(\d+)s)?$/.exec(duration)!;
  return (Number(minutes) * 60 + Number(seconds)) * 1000;
}

describe('docker-compose.yml', { skip: missing }, () => {
  it('has exactly the required services', () => {
    const always = ['api', 'grafana', 'postgres', 'prometheus', 'redis', 'worker'];
    const names = (options: readonly string[]) => services(options).map(([name]) => name);
    assert.deepEqual(names([]).sort(), always);
    assert.deepEqual(names(PROFILES.s3!).sort(), [...always, 's3'].sort());
    assert.deepEqual(names(PROFILES.cuda!).sort(), [...always, 'worker-cuda'].sort());
  });

  for (const [profile, options] of Object.entries(PROFILES)) {
    describe(profile, () => {
      it('gives no container more privileges than it needs', () => {
        for (const [name, service] of services(options)) {
          assert.equal(service.read_only, true, `${name} can write to its root`);
          assert.deepEqual(service.cap_drop, ['ALL'], name);
          assert.deepEqual(service.security_opt, ['no-new-privileges:true'], name);
          const sockets = name === 'postgres' ? ['/var/run/postgresql'] : [];
          assert.deepEqual(service.tmpfs, ['/tmp', ...sockets], name);
          assert.equal(service.init, true, name);
          assert.equal(service.restart, 'unless-stopped', name);
        }
      });

      it('publishes ports only on the loopback interface', () => {
        const published = services(options).flatMap(([, { ports = [] }]) => ports);
        assert.ok(published.length >= 3);
        for (const port of published) assert.equal(port.host_ip, '127.0.0.1', JSON.stringify(port));
      });

      it('pins the version of every image, ours to that of the package', () => {
        const { version } = JSON.parse(read('package.json')) as { version: string };
        const targets = [...read('Dockerfile').matchAll(/^FROM \S+ AS (\S+)$/gm)].map(([, name]) => name);
        for (const [name, { image, build }] of services(options)) {
          assert.match(image, /:v?\d+\.\d+(\.\d+)?(-[a-z]+)?$/, `${name}: ${image}`);
          if (!image.startsWith('lora-squeeze:')) continue;
          assert.match(image, new RegExp(`:${version.replaceAll('.', '\\.')}(-cuda)?$`), name);
          assert.ok(targets.includes(build!.target), `${name}: the Dockerfile has no ${build!.target}`);
        }
      });

      it('builds only on the digests of the base images that the Dockerfile names', () => {
        const stages = [...read('Dockerfile').matchAll(/^FROM (\S+) AS (\S+)$/gm)];
        const names = new Set(stages.map(([, , name]) => name));
        const bases = [...new Set(stages.map(([, base]) => base!))].filter((base) => !names.has(base));
        assert.ok(bases.length >= 3);
        for (const [name, { build }] of services(options).filter(([, service]) => service.build)) {
          const contexts = build!.additional_contexts ?? {};
          assert.deepEqual(Object.keys(contexts).sort(), bases.sort(), name);
          for (const [base, place] of Object.entries(contexts)) {
            const [, image, digest] = /^docker-image:\/\/docker\.io\/(?:library\/)?(.+)@(.+)$/.exec(place)!;
            assert.equal(image, base.split(':')[0]);
            assert.match(digest!, /^sha256:[0-9a-f]{64}$/);
          }
        }
      });

      it('sets only variables that the service reads, to valid values', () => {
        const { postgres } = Object.fromEntries(services(options));
        for (const [name, service] of ours(options)) {
          const { environment = {} } = service;
          for (const variable of Object.keys(environment))
            assert.ok(
              variable in Environment.properties || variable.startsWith('AWS_'),
              `${name}: ${variable}`,
            );
          const { role, redisUrl, database, host } = loadConfig(environmentOf(service));
          assert.equal(role, name === 'api' ? 'api' : 'worker');
          assert.ok(redisUrl);
          const { POSTGRES_USER, POSTGRES_PASSWORD_FILE, POSTGRES_DB } = postgres!.environment!;
          assert.equal(environment.DATABASE_PASSWORD_FILE, POSTGRES_PASSWORD_FILE);
          const url = new URL(database.url!);
          assert.deepEqual(
            [url.username, url.password, url.host, url.pathname],
            [POSTGRES_USER, 'some-password', 'postgres:5432', `/${POSTGRES_DB}`],
          );
          assert.equal(host, '0.0.0.0');
        }
      });

      it('keeps all blobs in one place', () => {
        const stores = ours(options).map(([, { environment = {}, volumes = [] }]) => [
          environment.STORAGE_URL,
          volumes.map(({ source, target }) => `${source}:${target}`),
        ]);
        assert.ok(stores.length >= 2);
        for (const store of stores) assert.deepEqual(store, stores[0]);
        // Only there does the image have a folder that its user can write to.
        assert.deepEqual(stores[0]![1], ['data:/data']);
      });

      it('waits for jobs and requests before it kills a container', () => {
        for (const [name, service] of ours(options)) {
          const { shutdownGraceMs } = loadConfig(environmentOf(service));
          assert.ok(milliseconds(service.stop_grace_period!) > shutdownGraceMs + CLOSING_MS, name);
        }
      });

      it('limits every container, and checks the health of each', () => {
        for (const [name, { mem_limit, cpus, healthcheck }] of services(options)) {
          assert.ok(Number(mem_limit) >= 256 * 1024 * 1024, `${name}: mem_limit ${mem_limit}`);
          // How many cores compute depends on the machine.
          if (!/^(?:api|worker)/.test(name)) assert.equal(cpus, 1, `${name}: cpus`);
          assert.ok(healthcheck && healthcheck.test.length > 1, `${name} has no health check`);
        }
      });

      it('lets Grafana reach only Prometheus, and Prometheus nothing that has data', () => {
        const all = Object.fromEntries(services(options));
        const reached = (name: string): string[] => {
          const own = Object.keys(all[name]!.networks);
          return Object.keys(all).filter(
            (other) =>
              other !== name && Object.keys(all[other]!.networks).some((network) => own.includes(network)),
          );
        };
        assert.deepEqual(reached('grafana'), ['prometheus']);
        const data = ['postgres', 'redis', 's3'].filter((name) => name in all);
        for (const name of data) {
          assert.ok(!reached('prometheus').includes(name), name);
          assert.deepEqual(Object.keys(all[name]!.networks), ['inside'], name);
          assert.equal(all[name]!.ports, undefined, name);
          for (const [own] of ours(options)) assert.ok(reached(own).includes(name), `${own} to ${name}`);
        }
        assert.equal(composeConfig(program!, options).networks.inside!.internal, true);
      });

      it('contains no password, and mounts the secrets that the variables name', () => {
        const { secrets } = composeConfig(program!, options);
        for (const [name, { environment = {}, secrets: mounted = [] }] of services(options))
          for (const [variable, value] of Object.entries(environment)) {
            if (value === null) continue;
            const secret = /^\/run\/secrets\/(.+)$/.exec(value)?.[1];
            if (secret !== undefined) {
              assert.ok(secret in secrets, `${name}: ${secret}`);
              assert.ok(
                mounted.some(({ source }) => source === secret),
                `${name} has no ${secret}`,
              );
            } else if (/PASSWORD|SECRET|ADMIN_KEY/.test(variable) && !variable.startsWith('GF_'))
              assert.match(value, /^(?:change-me)?$/, `${name}: ${variable}`);
          }
      });

      it('mounts only existing files, read-only', () => {
        for (const [name, { volumes = [] }] of services(options))
          for (const { type, source, read_only } of volumes) {
            if (type !== 'bind') continue;
            assert.ok(existsSync(source), `${name}: ${source}`);
            assert.equal(read_only, true, `${name}: ${source}`);
          }
      });
    });
  }

  it('gives workers neither a name nor a port, so that there can be many', () => {
    for (const [name, worker] of ours(PROFILES.cuda!).filter(([name]) => name.startsWith('worker'))) {
      assert.equal(worker.container_name, undefined, name);
      assert.equal(worker.ports, undefined, name);
    }
  });

  it('gives the CUDA worker a GPU, and the name that Prometheus expects', () => {
    const worker = Object.fromEntries(services(PROFILES.cuda!))['worker-cuda']!;
    assert.deepEqual(worker.deploy?.resources?.reservations?.devices, [
      { driver: 'nvidia', count: 1, capabilities: ['gpu'] },
    ]);
    assert.equal(worker.environment?.EXECUTION_PROVIDER, 'cuda');
    assert.deepEqual(worker.networks.watched?.aliases, ['worker']);
  });

  it("mounts Prometheus' and Grafana's files where their configuration expects them", () => {
    const all: Readonly<Record<string, ComposeService>> = Object.fromEntries(services([]));
    const prometheus = parse(read('deploy/prometheus/prometheus.yml')) as {
      scrape_configs: { job_name: string; dns_sd_configs?: { names: string[]; port: number }[] }[];
    };
    for (const { job_name, dns_sd_configs = [] } of prometheus.scrape_configs)
      for (const { names, port } of dns_sd_configs)
        for (const name of names) assert.equal(all[name]?.environment?.PROBE_PORT, String(port), job_name);
    assert.ok(all.prometheus!.command!.includes('--config.file=/etc/prometheus/prometheus.yml'));

    const mounts = all.grafana!.volumes!.map(({ target }) => target);
    const provider = parse(read('deploy/grafana/provisioning/dashboards/lora-squeeze.yml')) as {
      providers: { options: { path: string } }[];
    };
    assert.ok(mounts.includes(provider.providers[0]!.options.path));
    const home = all.grafana!.environment!.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH!;
    assert.ok(existsSync(join(ROOT, home.replace('/etc/grafana/', 'deploy/grafana/'))), home);
    const source = parse(read('deploy/grafana/provisioning/datasources/prometheus.yml')) as {
      datasources: { url: string }[];
    };
    assert.equal(new URL(source.datasources[0]!.url).hostname in all, true);
  });

  it('lets visitors of Grafana look at everything and change nothing', () => {
    const { environment } = Object.fromEntries(services([])).grafana!;
    assert.equal(environment?.GF_AUTH_ANONYMOUS_ORG_ROLE, 'Viewer');
    assert.equal(environment?.GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION, 'true');
  });

  it('names a bucket that its store creates', () => {
    const all = Object.fromEntries(services(PROFILES.s3!));
    const { s3 } = loadConfig(environmentOf(all.api!));
    assert.equal(s3?.bucket, all.s3!.environment?.S3_BUCKET);
    assert.equal(new URL(all.api!.environment!.AWS_ENDPOINT_URL_S3!).hostname, 's3');
    assert.equal(all.api!.environment!.AWS_SECRET_ACCESS_KEY, all.s3!.environment!.AWS_SECRET_ACCESS_KEY);
    // The secrets of an example are refused.
    assert.throws(
      () => loadConfig({ ...environmentOf(all.api!), AWS_SECRET_ACCESS_KEY: 'change-me' }),
      /AWS_SECRET/,
    );
  });
});
