import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { configurationPage } from '../../scripts/configuration-page.ts';
import { computeEnvironment, computeSettings } from '../../src/app/compute-settings.ts';
import { type Config, Environment, loadConfig } from '../../src/app/config.ts';
import { connectionCeiling } from '../../src/app/connection-ceiling.ts';
import { SECRET_NAMES } from '../../src/app/secret-variables.ts';
import { ConfigError } from '../../src/errors/config-error.ts';
import { NO_TENANT_LIMITS } from '../../src/resources/tenants/limits.ts';

const ROOT = join(import.meta.dirname, '../..');

function refusal(env: NodeJS.ProcessEnv): string {
  try {
    loadConfig(env);
  } catch (error) {
    assert(error instanceof ConfigError, `not a ConfigError: ${error}`);
    return error.message;
  }
  return assert.fail('the configuration was accepted');
}

describe('loadConfig', () => {
  it('has the documented defaults', () => {
    const config = loadConfig({});
    assert.deepEqual({ ...config, computeThreads: 0 }, {
      role: 'all',
      port: 8080,
      host: '127.0.0.1',
      probePort: undefined,
      probeCidrs: [],
      trustedProxies: [],
      maxConnections: undefined,
      maxRequestsInFlight: 200,
      maxUploadsInFlight: 256,
      maxQueueAgeSeconds: undefined,
      auth: 'open',
      adminKey: undefined,
      tokens: undefined,
      defaultLimits: NO_TENANT_LIMITS,
      metricsTenants: 20,
      allowedHosts: [],
      redisUrl: undefined,
      redisTls: { caFile: undefined, certFile: undefined, keyFile: undefined },
      database: { url: undefined, dataDir: resolve('data'), poolSize: 10, timeoutMs: 5_000 },
      reserveBytes: 67_108_864,
      dataDir: resolve('data'),
      storageDir: resolve('data/storage'),
      s3: undefined,
      storageIdleTimeoutMs: 30_000,
      storageRetryMs: 600_000,
      executionProvider: 'auto',
      computeThreads: 0,
      computeWarmUp: true,
      cudaMemoryBytes: 2 * 1024 ** 3,
      workerConcurrency: 1,
      maxUploadBytes: 8 * 1024 ** 3,
      uploadIdleTimeoutMs: 30_000,
      uploadTtlMs: 86_400_000,
      adapterTtlSeconds: undefined,
      jobTtlSeconds: undefined,
      eventRetention: { keptMs: 86_400_000, maxEvents: 50_000 },
      sweepIntervalMs: 900_000,
      blobGraceMs: 3_600_000,
      shutdownGraceMs: 30_000,
      queuePrefix: 'lora-squeeze',
      outbound: { allowedHosts: [] },
      hubEndpoint: 'https://huggingface.co',
      hubToken: undefined,
      logLevel: 'info',
      auditLog: 'off',
      tracing: { isOn: false, serviceName: 'lora-squeeze' },
      searchPath: '',
      misspelt: [],
      secrets: { values: Object.fromEntries(SECRET_NAMES.map((name) => [name, undefined])), files: {} },
    } satisfies Config);
  });

  it('treats empty variables as unset and ignores unknown ones', () => {
    assert.deepEqual(loadConfig({ PORT: '', REDIS_URL: '', UNRELATED: 'x' }), loadConfig({}));
  });

  it('shares the cores among the compute processes, at least one each', () => {
    const cores = Math.min(availableParallelism(), 16);
    assert.equal(loadConfig({}).computeThreads, cores);
    assert.equal(loadConfig({ WORKER_CONCURRENCY: '64' }).computeThreads, 1);
    assert.equal(loadConfig({ COMPUTE_THREADS: '3', WORKER_CONCURRENCY: '64' }).computeThreads, 3);
  });

  it('reads the storage folder from STORAGE_URL', () => {
    const storageDir = (url: string): string =>
      loadConfig({ DATA_DIR: '/srv/d', STORAGE_URL: url }).storageDir;
    assert.equal(storageDir('file:blobs'), '/srv/d/blobs');
    assert.equal(storageDir('file:/mnt/blobs'), '/mnt/blobs');
    assert.equal(storageDir('file:///mnt/my%20blobs'), '/mnt/my blobs');
  });

  it('reads bucket and prefix from STORAGE_URL, and keeps local files under DATA_DIR', () => {
    const read = (env: NodeJS.ProcessEnv) => {
      const { s3, storageDir } = loadConfig({ DATA_DIR: '/srv/d', ...env });
      return { s3, storageDir };
    };
    const defaults = { prefix: '', forcePathStyle: false, cacheBytes: 16 * 1024 ** 3 };
    for (const url of ['s3://my.bucket-1', 's3://my.bucket-1/']) {
      assert.deepEqual(read({ STORAGE_URL: url }), {
        s3: { ...defaults, bucket: 'my.bucket-1' },
        storageDir: '/srv/d/s3',
      });
    }
    for (const url of ['s3://bucket/Team_A/lora.v1', 's3://bucket/Team_A/lora.v1/']) {
      assert.deepEqual(read({ STORAGE_URL: url, S3_FORCE_PATH_STYLE: 'true', S3_CACHE_BYTES: '0' }).s3, {
        bucket: 'bucket',
        prefix: 'Team_A/lora.v1',
        forcePathStyle: true,
        cacheBytes: 0,
      });
    }
  });

  it('refuses a STORAGE_URL that is not a bucket with a prefix', () => {
    for (const url of [
      's3://ab',
      's3://Bucket',
      's3://bucket//x',
      's3://bucket/../x',
      's3://bucket/x?y=1',
      's3:///x',
    ]) {
      assert.match(refusal({ STORAGE_URL: url }), /^STORAGE_URL is "s3:.*must be s3:\/\/bucket\/prefix/, url);
    }
    assert.match(
      refusal({ STORAGE_URL: 's3:bucket' }),
      /must be file: and a folder, or s3:\/\/bucket\/prefix\.$/,
    );
    assert.equal(
      refusal({ S3_FORCE_PATH_STYLE: 'yes' }),
      'S3_FORCE_PATH_STYLE is "yes"; it must be true or false.',
    );
  });

  it('states in one sentence which variable is wrong, its value and what is allowed', () => {
    assert.equal(refusal({ PORT: '70000' }), 'PORT is "70000"; it must be a whole number from 0 to 65535.');
    assert.equal(refusal({ PORT: 'http' }), 'PORT is "http"; it must be a whole number from 0 to 65535.');
    assert.equal(refusal({ ROLE: 'master' }), 'ROLE is "master"; it must be one of all, api, worker.');
    assert.equal(
      refusal({ EXECUTION_PROVIDER: 'gpu' }),
      'EXECUTION_PROVIDER is "gpu"; it must be one of auto, cuda, cpu.',
    );
    assert.equal(
      refusal({ STORAGE_URL: '/data' }),
      'STORAGE_URL is "/data"; it must be file: and a folder, or s3://bucket/prefix.',
    );
    assert.match(refusal({ STORAGE_URL: 'file://elsewhere/x' }), /on this machine/);
    assert.match(refusal({ QUEUE_PREFIX: 'a:b' }), /QUEUE_PREFIX is "a:b"/);
    assert.match(refusal({ ROLE: 'worker' }), /^REDIS_URL is not set; ROLE "worker" needs it/);
  });

  it('accepts certificates for Redis only if they exist, are complete, and TLS is used', () => {
    const file = import.meta.filename;
    const files = { REDIS_TLS_CERT_FILE: file, REDIS_TLS_KEY_FILE: file };
    assert.deepEqual(loadConfig({ REDIS_URL: 'rediss+cluster://a', ...files }).redisTls, {
      ...{ caFile: undefined, certFile: file, keyFile: file },
    });
    assert.match(
      refusal({ REDIS_URL: 'redis://a', REDIS_TLS_CA_FILE: file }),
      /^REDIS_TLS_CA_FILE is set, but REDIS_URL does not begin with rediss/,
    );
    assert.match(
      refusal({ REDIS_URL: 'rediss://a', REDIS_TLS_CA_FILE: '/none' }),
      /^REDIS_TLS_CA_FILE is "\/none", which cannot be read/,
    );
    assert.match(
      refusal({ REDIS_URL: 'rediss://a', REDIS_TLS_KEY_FILE: file }),
      /^Only one of REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE is set/,
    );
  });

  it('reads the hosts that are served without keys', () => {
    const read = (list: string) => loadConfig({ ALLOWED_HOSTS: list }).allowedHosts;
    assert.deepEqual(read('squeeze.lan'), ['squeeze.lan']);
    assert.deepEqual(read('squeeze.lan:8443 , Other_1.lan., [fd00::1]:80,10.0.0.1'), [
      'squeeze.lan:8443',
      'Other_1.lan.',
      '[fd00::1]:80',
      '10.0.0.1',
    ]);
    for (const list of [
      'http://squeeze.lan',
      'squeeze.lan/',
      '*',
      '*.lan',
      'a b',
      'a@b',
      'a,,b',
      ',',
      'bücher.lan',
    ])
      assert.match(
        refusal({ ALLOWED_HOSTS: list }),
        /^ALLOWED_HOSTS is ".*"; it must be a list of hosts or host:port, separated by commas\.$/,
      );
    for (const entry of ['a:b', 'a:70000', 'a:1:2', '[::1', '[lan]', '::1', ':80', '.'])
      assert.equal(
        refusal({ ALLOWED_HOSTS: `squeeze.lan,${entry}` }),
        `ALLOWED_HOSTS contains "${entry}", which is neither a host nor host:port.`,
      );
  });

  it('reads networks of probes in CIDR notation, and requires a probe port that differs from the main port', () => {
    const { probeCidrs } = loadConfig({ PROBE_CIDRS: '10.0.0.0/8, fd00::/8' });
    assert.deepEqual(probeCidrs, ['10.0.0.0/8', 'fd00::/8']);
    for (const cidr of ['10.0.0.0/33', '10.0.0/8', 'fd00::/129', '10.0.0.0/8,::ffff/1/2', '10.0.0.1'])
      assert.match(
        refusal({ PROBE_CIDRS: cidr }),
        /^PROBE_CIDRS (is|contains) ".*10\.0\.0\.0\/8 or fd00::\/8/,
        cidr,
      );
    assert.deepEqual(loadConfig({ PROBE_CIDRS: '0.0.0.0/0' }).probeCidrs, ['0.0.0.0/0']);
    assert.equal(loadConfig({ PROBE_PORT: '8081' }).probePort, 8081);
    assert.equal(
      refusal({ PORT: '8081', PROBE_PORT: '8081' }),
      'PROBE_PORT is "8081", the same as PORT; it must be another port.',
    );
    assert.equal(loadConfig({ PORT: '0', PROBE_PORT: '0' }).probePort, 0);
  });

  it('reads trusted proxies as addresses and networks, but refuses to trust all addresses', () => {
    const { trustedProxies } = loadConfig({ TRUSTED_PROXIES: '10.0.0.7,fd00::1 , 192.168.0.0/16' });
    assert.deepEqual(trustedProxies, ['10.0.0.7', 'fd00::1', '192.168.0.0/16']);
    for (const wrong of [
      'true',
      '10.0.0',
      '10.0.0.0/33',
      'fd00::/129',
      '0.0.0.0/0',
      '10.0.0.1,::1/',
      '10.0.0.1,x',
    ])
      assert.match(
        refusal({ TRUSTED_PROXIES: wrong }),
        /^TRUSTED_PROXIES (is|contains) ".*(10\.0\.0\.0\/8 or fd00::\/8|all addresses).*\.$/,
        wrong,
      );
  });

  it('allows as many connections as the file descriptors suffice for, with the files that their requests open', () => {
    assert.equal(connectionCeiling(undefined, 1024), 384);
    assert.equal(connectionCeiling(undefined, 1_048_576), 10_000);
    assert.equal(connectionCeiling(undefined, Number.POSITIVE_INFINITY), 10_000);
    assert.equal(connectionCeiling(384, 1024), 384);
    assert.equal(connectionCeiling(20_000, 1_048_576), 20_000);
    assert.throws(() => connectionCeiling(385, 1024), {
      name: 'ConfigError',
      message:
        'MAX_CONNECTIONS is 385, which needs 1026 file descriptors, but the process may open only 1024; raise that ' +
        'limit (ulimit -n), or set MAX_CONNECTIONS to at most 384.',
    });
    assert.throws(() => connectionCeiling(undefined, 256), {
      name: 'ConfigError',
      message:
        'The process may open only 256 file descriptors, but it needs at least 320; raise that limit (ulimit -n).',
    });
  });

  it('never repeats a password', () => {
    assert.doesNotMatch(refusal({ REDIS_URL: 'http://user:hunter2@host' }), /hunter2/);
    assert.doesNotMatch(refusal({ STORAGE_URL: 's3://key:hunter2@bucket' }), /hunter2/);
    assert.doesNotMatch(refusal({ STORAGE_URL: 'http://key:hunter2@bucket' }), /hunter2/);
    assert.doesNotMatch(refusal({ OTEL_EXPORTER_OTLP_ENDPOINT: 'ftp://key:hunter2@host' }), /hunter2/);
  });

  it('traces if an endpoint is set, or if tracing is enabled', () => {
    const isOn = (env: NodeJS.ProcessEnv): boolean => loadConfig(env).tracing.isOn;
    const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };
    assert.deepEqual(
      [
        isOn({}),
        isOn({ OTEL_SERVICE_NAME: 'x' }),
        isOn({ ...endpoint, OTEL_TRACES_EXPORTER: 'none' }),
        isOn({ ...endpoint, OTEL_SDK_DISABLED: 'TRUE' }),
      ],
      [false, false, false, false],
    );
    assert.deepEqual([isOn(endpoint), isOn({ OTEL_TRACES_EXPORTER: 'otlp' })], [true, true]);
    assert.match(refusal({ OTEL_TRACES_EXPORTER: 'zipkin' }), /must be one of otlp, none/);
  });
});

describe('computeEnvironment', () => {
  it('gives the compute process the part of the configuration that it needs, without the addresses of Redis and the database', () => {
    const env = {
      PATH: '/bin',
      ROLE: 'worker',
      REDIS_URL: 'redis://:hunter2@host',
      DATABASE_URL: 'postgres://squeeze:hunter2@host/name',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
      DATA_DIR: '/srv/some where/100%',
      COMPUTE_THREADS: '7',
      EXECUTION_PROVIDER: 'cpu',
      LOG_LEVEL: 'warn',
    };
    const config = loadConfig(env);
    const theirs = computeEnvironment(config, env);
    assert.doesNotMatch(JSON.stringify(theirs), /hunter2/);
    // ONNX Runtime sends usage data unless this is set.
    assert.equal(theirs.ORT_DISABLE_TELEMETRY, '1');
    const { secrets, ...settings } = computeSettings(theirs);
    for (const [name, value] of Object.entries(settings))
      assert.deepEqual(value, config[name as keyof Config], name);
    assert.deepEqual(secrets, { values: {}, files: {} });
  });

  it('passes the keys of object storage on, even if the storage is a folder, because transfers may need them', () => {
    const keys = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret', AWS_REGION: 'eu-west-1' };
    const remote = {
      ...keys,
      STORAGE_URL: 's3://bucket/a/b',
      S3_FORCE_PATH_STYLE: 'true',
      S3_CACHE_BYTES: '7',
    };
    const theirs = computeEnvironment(loadConfig(remote), remote);
    assert.deepEqual(computeSettings(theirs).s3, loadConfig(remote).s3);
    for (const [name, value] of Object.entries(keys)) assert.equal(theirs[name], value);

    const local = computeEnvironment(loadConfig(keys), keys);
    for (const [name, value] of Object.entries(keys)) assert.equal(local[name], value);
  });
});

describe('docs/configuration.md', () => {
  it('equals the page that is generated from the schema (npx tsx scripts/write-configuration.ts)', () => {
    assert.equal(readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8'), configurationPage());
  });

  it('has a row for every variable', () => {
    for (const name of Object.keys(Environment.properties)) {
      assert.ok(configurationPage().includes(`| \`${name}\` |`), name);
    }
  });
});
