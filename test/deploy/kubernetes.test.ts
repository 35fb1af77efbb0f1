import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseAllDocuments, parse as parseYaml } from 'yaml';
import { Environment, loadConfig } from '../../src/app/config.ts';
import { ROOT } from './compose-file.ts';
import { type Container, hasKustomize, type Manifest, rendered } from './manifests.ts';
import { unknownIn } from './promql.ts';
import { knownSeries } from './rule-files.ts';
import { checkSchemas } from './schemas.ts';

/** src/main.ts: how much longer than SHUTDOWN_GRACE_MS a process may take. */
const CLOSING_MS = 30_000;
const COMPONENTS: Readonly<Record<string, readonly string[]>> = {
  'the base': [],
  'all components': ['prometheus-operator', 'keda', 'cuda', 'shared-volume', 'ingress'],
};

const FOLDER = join(ROOT, 'deploy/kubernetes');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const secret = parseYaml(read('deploy/kubernetes/base/secret.example.yaml')) as {
  metadata: { name: string };
  stringData: Record<string, string>;
};
const missing = hasKustomize() ? false : 'kustomize is not installed (Debian: kustomize)';

const ofKind = (manifests: readonly Manifest[], kind: string): Manifest[] =>
  manifests.filter((manifest) => manifest.kind === kind);
const matches = (selector: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>>) =>
  Object.entries(selector).every(([name, value]) => labels[name] === value);
const containerOf = (deployment: Manifest): Container => deployment.spec.template.spec.containers[0]!;

const SOME_KEY = Buffer.alloc(32, 7).toString('base64');
/** Replaces the placeholders of an example, as an operator would. */
const filledIn = (value: string): string => value.replace(/change-me[\w-]*/, 'a-secret-of-this-deployment');

/** The environment of a container as the kubelet composes it. */
function environmentOf(container: Container, manifests: readonly Manifest[]): Record<string, string> {
  const from = container.envFrom.map((source) => {
    if (source.secretRef) {
      assert.equal(source.secretRef.name, secret.metadata.name);
      return Object.fromEntries(
        Object.entries(secret.stringData).map(([name, value]) => [
          name,
          name === 'SECRETS_KEYS' ? SOME_KEY : filledIn(value),
        ]),
      );
    }
    const map = ofKind(manifests, 'ConfigMap').find(
      ({ metadata }) => metadata.name === source.configMapRef?.name,
    );
    assert.ok(map?.data, `no ConfigMap ${source.configMapRef?.name}`);
    return map.data;
  });
  const own = Object.fromEntries(container.env.map(({ name, value }) => [name, value]));
  return Object.assign({}, ...from, own) as Record<string, string>;
}

describe('deploy/kubernetes', () => {
  it('is valid YAML in every file', () => {
    const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.yaml'),
    );
    assert.ok(files.length > 5);
    for (const file of files)
      for (const document of parseAllDocuments(readFileSync(join(FOLDER, file), 'utf8')))
        assert.deepEqual([document.errors, document.warnings], [[], []], file);
  });

  it('renders the example', { skip: missing }, () => {
    const { components, resources } = parseYaml(read('deploy/kubernetes/example/kustomization.yaml')) as {
      components: string[];
      resources: string[];
    };
    assert.deepEqual(resources, ['../base']);
    assert.ok(rendered(components.map((path) => path.replace('../', ''))).length > 0);
  });

  for (const [name, components] of Object.entries(COMPONENTS)) {
    describe(name, { skip: missing }, () => {
      const manifests = missing ? [] : rendered(components);
      const deployments = ofKind(manifests, 'Deployment');
      const each = (check: (deployment: Manifest, container: Container) => void) => {
        assert.deepEqual(
          deployments.map(({ metadata }) => metadata.name.replace('lora-squeeze-', '')),
          ['api', 'worker', ...(components.includes('cuda') ? ['worker-cuda'] : [])],
        );
        for (const deployment of deployments) check(deployment, containerOf(deployment));
      };

      it('selects the intended pods', () => {
        each(({ spec }) => assert.ok(matches(spec.selector.matchLabels, spec.template.metadata.labels)));
        const chosen = (selector: Readonly<Record<string, string>>) =>
          deployments
            .filter(({ spec }) => matches(selector, spec.template.metadata.labels))
            .map(({ metadata }) => metadata.name);
        const [service] = ofKind(manifests, 'Service');
        assert.deepEqual(chosen(service!.spec.selector), ['lora-squeeze-api']);
        for (const budget of ofKind(manifests, 'PodDisruptionBudget'))
          assert.deepEqual(chosen(budget.spec.selector.matchLabels), [budget.metadata.name]);
        assert.equal(ofKind(manifests, 'PodDisruptionBudget').length, deployments.length);
        for (const { metadata, spec } of deployments)
          assert.deepEqual(chosen(spec.selector.matchLabels), [metadata.name], 'another one takes its pods');
        // All pods may be unready at once while the storage is away; nodes can still be drained.
        for (const { spec } of ofKind(manifests, 'PodDisruptionBudget'))
          assert.equal(spec.unhealthyPodEvictionPolicy, 'AlwaysAllow');
      });

      it('keeps everything in one namespace, and contains no secret', () => {
        for (const { kind, metadata } of manifests)
          if (kind !== 'Namespace')
            assert.equal(metadata.namespace, 'lora-squeeze', `${kind} ${metadata.name}`);
        assert.deepEqual(ofKind(manifests, 'Secret'), []);
      });

      it('sets only variables that the service reads, to valid values', () => {
        each((deployment, container) => {
          const environment = environmentOf(container, manifests);
          for (const variable of Object.keys(environment))
            assert.ok(variable in Environment.properties || variable.startsWith('AWS_'), variable);
          const config = loadConfig(environment);
          assert.equal(`lora-squeeze-${config.role}`, deployment.metadata.name.replace(/-cuda$/, ''));
          assert.equal(config.host, '0.0.0.0');
          const ports = container.ports.map(({ containerPort }) => containerPort);
          assert.deepEqual([config.port, config.probePort], ports);
          assert.equal(config.s3 === undefined, components.includes('shared-volume'));
        });
      });

      it('probes existing routes, on the port for probes', () => {
        const { paths } = parseYaml(read('openapi.yaml')) as { paths: Record<string, unknown> };
        each((_deployment, container) => {
          for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe]) {
            assert.ok(probe.httpGet.path in paths, probe.httpGet.path);
            assert.equal(probe.httpGet.port, container.ports[1]!.name);
          }
          // A process that waits for Redis must not be killed for it.
          assert.equal(container.livenessProbe.httpGet.path, '/livez');
          assert.equal(container.readinessProbe.httpGet.path, '/readyz');
        });
        const [service] = ofKind(manifests, 'Service');
        assert.equal(service!.spec.ports[0]!.targetPort, containerOf(deployments[0]!).ports[0]!.name);
      });

      it('waits for jobs and requests before a pod is killed', () => {
        each(({ metadata, spec }, container) => {
          const { shutdownGraceMs } = loadConfig(environmentOf(container, manifests));
          const pauseSeconds = Number(container.lifecycle?.preStop.exec.command[1] ?? 0);
          const grace = spec.template.spec.terminationGracePeriodSeconds;
          assert.ok(grace * 1000 > pauseSeconds * 1000 + shutdownGraceMs + CLOSING_MS, metadata.name);
        });
      });

      it('runs as an unprivileged user that cannot gain privileges', () => {
        each(({ metadata, spec }, { securityContext }) => {
          const pod = spec.template.spec;
          assert.equal(pod.automountServiceAccountToken, false, metadata.name);
          assert.equal(pod.securityContext.runAsNonRoot, true);
          // The user of the image: `USER` in the Dockerfile.
          assert.ok(read('Dockerfile').includes(`USER ${pod.securityContext.runAsUser}:`));
          assert.deepEqual(pod.securityContext.seccompProfile, { type: 'RuntimeDefault' });
          assert.deepEqual(securityContext, {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          });
        });
      });

      it('mounts a volume wherever the service writes, and limits resources', () => {
        each(({ metadata, spec }, { volumeMounts, resources }) => {
          const { volumes } = spec.template.spec;
          const shared = components.includes('shared-volume') ? ['/storage'] : [];
          assert.deepEqual(volumeMounts.map(({ mountPath }) => mountPath).sort(), [
            '/data',
            ...shared,
            '/tmp',
          ]);
          for (const mount of volumeMounts)
            assert.ok(
              volumes.some(({ name }) => name === mount.name),
              `${metadata.name}: ${mount.name}`,
            );
          assert.ok(resources.requests.cpu && resources.requests.memory && resources.limits.memory);
          for (const { persistentVolumeClaim: claim } of volumes)
            if (claim)
              assert.equal(ofKind(manifests, 'PersistentVolumeClaim')[0]?.metadata.name, claim.claimName);
        });
      });

      it('conforms to the schemas of Kubernetes and of the operators', async () => {
        await checkSchemas(manifests);
        const [misspelt] = structuredClone(deployments) as unknown as {
          spec: { template: { spec: object } };
        }[];
        Object.assign(misspelt!.spec.template.spec, { terminationGracePeriodSecond: 1 });
        await assert.rejects(checkSchemas([misspelt as unknown as Manifest]), /terminationGracePeriodSecond/);
      });

      it('spreads pods over zones and nodes, with an account that gets no token', () => {
        const [account] = ofKind(manifests, 'ServiceAccount');
        each(({ metadata, spec }) => {
          const pod = spec.template.spec;
          assert.equal(pod.serviceAccountName, account!.metadata.name);
          assert.deepEqual(
            pod.topologySpreadConstraints.map(({ topologyKey }) => topologyKey),
            ['topology.kubernetes.io/zone', 'kubernetes.io/hostname'],
          );
          for (const { labelSelector } of pod.topologySpreadConstraints)
            assert.ok(matches(labelSelector.matchLabels, spec.template.metadata.labels), metadata.name);
        });
      });

      it('limits what pods write to the disk of a node', () => {
        const gibibytes = (text: string | undefined) => Number(/^(\d+)Gi$/.exec(text ?? '')?.[1]);
        each(({ metadata, spec }, { resources }) => {
          const volumes = spec.template.spec.volumes as readonly { emptyDir?: { sizeLimit: string } }[];
          const kept = volumes.reduce(
            (sum, { emptyDir }) => sum + (emptyDir ? gibibytes(emptyDir.sizeLimit) : 0),
            0,
          );
          assert.ok(gibibytes(resources.limits['ephemeral-storage']) > kept, metadata.name);
          assert.ok(gibibytes(resources.requests['ephemeral-storage']) > 0, metadata.name);
        });
      });

      it('admits only the necessary traffic, and lets out only what must go out', () => {
        const policies = ofKind(manifests, 'NetworkPolicy').map(({ spec }) => spec);
        const openPorts = (labels: Readonly<Record<string, string>>, isForAll: boolean) =>
          policies
            .filter(
              (spec) =>
                spec.policyTypes.includes('Ingress') && matches(spec.podSelector.matchLabels ?? {}, labels),
            )
            .flatMap(({ ingress }) => ingress.filter(({ from }) => (from === undefined) === isForAll))
            .flatMap(({ ports }) => ports.map(({ port }) => port));
        each(({ metadata, spec }) => {
          const { labels } = spec.template.metadata;
          assert.deepEqual(openPorts(labels, true), metadata.name === 'lora-squeeze-api' ? ['http'] : []);
          assert.deepEqual(openPorts(labels, false), ['probes']);
          const out = policies.filter(({ policyTypes }) => policyTypes.includes('Egress'));
          const [only] = out.filter(({ podSelector }) => matches(podSelector.matchLabels ?? {}, labels));
          const ports = new Set(only!.egress.flatMap((rule) => rule.ports.map(({ port }) => port)));
          assert.deepEqual(
            [...ports].sort((one, other) => one - other),
            [53, 443, 5432, 6379],
          );
          for (const name of ['REDIS_URL', 'DATABASE_URL'])
            assert.ok(ports.has(Number(new URL(secret.stringData[name]!).port)), name);
        });
      });

      it('runs the version of the package', () => {
        const { version } = JSON.parse(read('package.json')) as { version: string };
        each((_deployment, { image }) => {
          const tag = image.split(':')[1];
          assert.ok(tag === version || tag === `${version}-cuda`, image);
        });
      });
    });
  }

  describe('components', { skip: missing }, () => {
    const all = missing ? [] : rendered(COMPONENTS['all components']);

    it('scales the workers by the real queue', () => {
      const [scaled] = ofKind(all, 'ScaledObject');
      const worker = ofKind(all, 'Deployment').find(
        ({ metadata }) => metadata.name === scaled!.spec.scaleTargetRef.name,
      );
      assert.equal(worker?.spec.replicas, undefined, 'kubectl apply would set the number back');
      const { query, threshold } = scaled!.spec.triggers[0]!.metadata;
      // The operator adds the namespace: it is the label of a scrape, and other deployments must not count.
      const own = '{namespace="lora-squeeze"}';
      assert.ok(query!.includes(own));
      assert.deepEqual(unknownIn(query!.replace(own, ''), knownSeries()), []);
      assert.ok(Number(threshold) > 0);
    });

    it('scrapes all pods, under the names that rules and dashboards expect', () => {
      const [monitor] = ofKind(all, 'PodMonitor');
      for (const { spec } of ofKind(all, 'Deployment')) {
        const { labels } = spec.template.metadata;
        assert.ok(matches(monitor!.spec.selector.matchLabels, labels));
        const [endpoint] = monitor!.spec.podMetricsEndpoints;
        assert.equal(endpoint!.port, containerOf({ spec } as Manifest).ports[1]!.name);
        const [relabeling] = endpoint!.relabelings;
        assert.equal(relabeling!.targetLabel, 'job');
        const job = labels['app.kubernetes.io/component']!.replace(
          new RegExp(`^${relabeling!.regex}$`),
          relabeling!.replacement,
        );
        const jobs = parseYaml(read('deploy/prometheus/prometheus.yml')) as {
          scrape_configs: { job_name: string }[];
        };
        assert.ok(
          jobs.scrape_configs.some(({ job_name }) => job_name === job),
          job,
        );
      }
    });

    it('requests a GPU for workers that compute on one', () => {
      const worker = ofKind(all, 'Deployment')
        .map(containerOf)
        .find(({ image }) => image.endsWith('-cuda'))!;
      assert.equal(environmentOf(worker, all).EXECUTION_PROVIDER, 'cuda');
      assert.equal(worker.resources.limits['nvidia.com/gpu'], '1');
    });

    it('lets large and long requests pass the ingress, and all uploads of one key reach one pod', () => {
      const objects = ofKind(all, 'Ingress');
      const services = ofKind(all, 'Service');
      const named: string[] = [];
      for (const { metadata, spec } of objects) {
        const { annotations } = metadata;
        const annotation = (name: string) => annotations?.[`nginx.ingress.kubernetes.io/${name}`];
        assert.equal(annotation('proxy-body-size'), '0');
        assert.deepEqual(
          [annotation('proxy-request-buffering'), annotation('proxy-buffering')],
          ['off', 'off'],
        );
        assert.ok(
          Number(annotation('proxy-read-timeout')) >= 3600 &&
            Number(annotation('proxy-send-timeout')) >= 3600,
        );
        const paths = spec.rules.flatMap(({ http }) => http.paths);
        for (const { backend } of paths) {
          const { spec: to } = services.find((one) => one.metadata.name === backend.service.name)!;
          assert.equal(backend.service.port.name, to.ports[0]!.name);
          assert.deepEqual(to.selector, services[0]!.spec.selector);
        }
        named.push(...new Set(paths.map(({ backend }) => backend.service.name)));
        const isOfUploads = paths.some(({ path }) => path === '/v1/uploads');
        assert.equal(annotation('upstream-hash-by'), isOfUploads ? '$http_authorization' : undefined);
      }
      // ingress-nginx balances a Service in one way, whatever a second Ingress for it specifies.
      assert.deepEqual(named.sort(), services.map(({ metadata }) => metadata.name).sort());
      assert.equal(objects.length, 2);
    });
  });
});
