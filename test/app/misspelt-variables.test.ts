import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Environment } from '../../src/app/config.ts';
import { misspeltVariables } from '../../src/app/misspelt-variables.ts';
import { startService } from '../main/service-process.ts';
import { withFolder } from '../queue/harness.ts';

/**
 * Variables that machines, containers, clusters, CI and other programs set, collected from real environments.
 */
const OF_OTHERS = `PATH HOME HOSTNAME HOSTTYPE USER LOGNAME SHELL SHLVL PWD OLDPWD TERM LANG LC_ALL TZ MAIL EDITOR PAGER DISPLAY TMPDIR
  XDG_RUNTIME_DIR XDG_DATA_DIRS XDG_CONFIG_HOME DBUS_SESSION_BUS_ADDRESS SSH_AUTH_SOCK SSH_CONNECTION CI DEBUG VERBOSE
  NODE_ENV NODE_OPTIONS NODE_VERSION NODE_EXTRA_CA_CERTS YARN_VERSION NPM_TOKEN NPM_CONFIG_CACHE INIT_CWD UV_THREADPOOL_SIZE
  KUBERNETES_SERVICE_HOST KUBERNETES_SERVICE_PORT KUBERNETES_PORT_443_TCP_ADDR REDIS_PORT REDIS_HOST REDIS_SERVICE_HOST
  REDIS_PORT_6379_TCP REDIS_VERSION POSTGRES_PORT POSTGRES_USER POSTGRES_PASSWORD POSTGRES_DB POSTGRES_SERVICE_PORT PGDATA PGHOST
  PGUSER PGPASSWORD PGPASSFILE PGSSLMODE DATABASE_HOST DATABASE_PORT DATABASE_NAME DATABASE_USER LORA_SQUEEZE_SERVICE_HOST
  LORA_SQUEEZE_PORT LORA_SQUEEZE_PORT_8080_TCP LORA_SQUEEZE_API_PORT LORA_SQUEEZE_URL LORA_SQUEEZE_KEY LORA_SQUEEZE_VERSION
  AWS_REGION AWS_DEFAULT_REGION AWS_PROFILE AWS_ROLE_ARN AWS_WEB_IDENTITY_TOKEN_FILE AWS_ENDPOINT_URL AWS_ENDPOINT_URL_S3
  AWS_SHARED_CREDENTIALS_FILE AWS_EXECUTION_ENV AWS_MAX_ATTEMPTS AWS_CONTAINER_CREDENTIALS_FULL_URI S3_BUCKET S3_ENDPOINT S3_REGION
  HF_HOME HF_HUB_OFFLINE HF_DATASETS_CACHE HF_HUB_ENABLE_HF_TRANSFER GH_TOKEN GITHUB_TOKEN GITLAB_TOKEN CF_TOKEN JWT_SECRET
  OTEL_RESOURCE_ATTRIBUTES OTEL_SDK_DISABLED OTEL_EXPORTER_OTLP_HEADERS OTEL_EXPORTER_OTLP_TRACES_ENDPOINT OTEL_TRACES_SAMPLER
  OTEL_METRICS_EXPORTER OTEL_LOGS_EXPORTER OTEL_EXPORTER_OTLP_PROTOCOL CUDA_VERSION CUDA_VISIBLE_DEVICES CUDA_HOME NVIDIA_VISIBLE_DEVICES
  NVIDIA_DRIVER_CAPABILITIES LD_LIBRARY_PATH OMP_NUM_THREADS MKL_NUM_THREADS ORT_DISABLE_TELEMETRY HTTP_PROXY HTTPS_PROXY NO_PROXY
  SSL_CERT_FILE DATA LOGS LOG_FORMAT LOG_FILE MAX_RETRIES MAX_MEMORY TENANT_ID TENANT_NAME AUTH_TOKEN AUTH_URL ADMIN_USER
  ADMIN_PASSWORD ADMIN_EMAIL API_KEY API_TOKEN SECRET_KEY SECRET_KEY_BASE QUEUE_URL QUEUE_NAME STORAGE_ACCOUNT STORAGE_KEY
  JAVA_HOME PYTHONPATH VIRTUAL_ENV GOPATH COLORTERM FORCE_COLOR COMPOSE_PROJECT_NAME DOCKER_HOST INVOCATION_ID JOURNAL_STREAM`;

describe('misspelt variables', () => {
  it('are reported with the name that was probably meant', () => {
    for (const [variable, suggestion] of Object.entries({
      WORKER_CONCURENCY: 'WORKER_CONCURRENCY',
      WORKER_CONCURRENCY_: 'WORKER_CONCURRENCY',
      REDIS_URI: 'REDIS_URL',
      REDSI_URL: 'REDIS_URL',
      DATADIR: 'DATA_DIR',
      LOGLEVEL: 'LOG_LEVEL',
      STORAGE_ULR: 'STORAGE_URL',
      ADMIN_KEYS: 'ADMIN_KEY',
      ADMIN_KEY_FILES: 'ADMIN_KEY_FILE',
      MAX_UPLOADS_BYTES: 'MAX_UPLOAD_BYTES',
      MAX_UPLOAD_MB: 'MAX_UPLOAD_BYTES',
      JOB_TTL: 'JOB_TTL_SECONDS',
      SHUTDOWN_GRACE_SECONDS: 'SHUTDOWN_GRACE_MS',
      DATABASE_POOLSIZE: 'DATABASE_POOL_SIZE',
      LORA_SQUEEZE_DATA_DIR: 'DATA_DIR',
    }))
      assert.deepEqual(misspeltVariables({ [variable]: 'x' }), [{ variable, suggestion }]);
  });

  it('do not include variables of the service, variables of other programs, or empty ones', () => {
    assert.deepEqual(
      misspeltVariables(Object.fromEntries(Object.keys(Environment.properties).map((name) => [name, 'x']))),
      [],
    );
    const others = OF_OTHERS.split(/\s+/).map((name) => [name, 'tcp://10.0.0.1:8080']);
    assert.deepEqual(misspeltVariables(Object.fromEntries(others)), []);
    assert.deepEqual(
      misspeltVariables({ WORKER_CONCURENCY: '', npm_config_data_dir: 'x', worker_concurency: '4' }),
      [],
    );
    assert.deepEqual(misspeltVariables(process.env), []);
  });

  it('are logged when the service starts', () =>
    withFolder(async (folder) => {
      const service = await startService({ DATA_DIR: folder, WORKER_CONCURENCY: '4' });
      assert.equal(await service.end(), 0);
      assert.match(
        service.output(),
        /"level":40.*"variable":"WORKER_CONCURENCY".*Did you mean WORKER_CONCURRENCY\?/,
      );
    }));
});
