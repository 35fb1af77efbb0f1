import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { ROOT } from './compose-file.ts';

const FOLDER = join(ROOT, 'deploy/kubernetes');

type Labels = Readonly<Record<string, string>>;
interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly envFrom: readonly Readonly<Record<string, { readonly name: string }>>[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly lifecycle?: { readonly preStop: { readonly exec: { readonly command: readonly string[] } } };
  readonly resources: {
    readonly requests: Labels;
    readonly limits: Labels;
  };
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

export interface PodSpec {
  readonly serviceAccountName: string;
  readonly topologySpreadConstraints: readonly {
    readonly topologyKey: string;
    readonly labelSelector: { readonly matchLabels: Labels };
  }[];
  readonly automountServiceAccountToken: boolean;
  readonly terminationGracePeriodSeconds: number;
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly containers: readonly Container[];
  readonly volumes: readonly {
    readonly name: string;
    readonly emptyDir?: unknown;
    readonly persistentVolumeClaim?: { readonly claimName: string };
  }[];
}

/** Any object of the cluster; its kind determines which of these fields it has. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly annotations?: Labels;
  };
  readonly data?: Labels;
  readonly spec: {
    readonly replicas?: number;
    readonly unhealthyPodEvictionPolicy?: string;
    readonly selector: { readonly matchLabels: Labels } & Labels;
    readonly template: { readonly metadata: { readonly labels: Labels }; readonly spec: PodSpec };
    readonly ports: readonly { readonly name: string; readonly targetPort: string }[];
    readonly podSelector: { readonly matchLabels?: Labels };
    readonly policyTypes: readonly string[];
    readonly ingress: readonly {
      readonly from?: readonly unknown[];
      readonly ports: readonly { readonly port: string | number }[];
    }[];
    readonly egress: readonly { readonly ports: readonly { readonly port: number }[] }[];
    readonly rules: readonly {
      readonly http: {
        readonly paths: readonly {
          readonly path: string;
          readonly backend: {
            readonly service: { readonly name: string; readonly port: { readonly name: string } };
          };
        }[];
      };
    }[];
    readonly scaleTargetRef: { readonly name: string };
    readonly triggers: readonly { readonly metadata: Labels }[];
    readonly podMetricsEndpoints: readonly {
      readonly port: string;
      readonly relabelings: readonly {
        readonly regex: string;
        readonly targetLabel: string;
        readonly replacement: string;
      }[];
    }[];
  };
}

export const hasKustomize = (): boolean => spawnSync('kustomize', ['version']).status === 0;

/**
 * What `kubectl apply -k` would send: the base with some components.
 * @throws Error with the message of kustomize
 */
export function rendered(components: readonly string[] = []): Manifest[] {
  const folder = mkdtempSync(join(tmpdir(), 'squeeze-kustomize-'));
  try {
    const from = (name: string) => relative(folder, join(FOLDER, name));
    const kustomization = { resources: [from('base')], components: components.map(from) };
    writeFileSync(join(folder, 'kustomization.yaml'), stringify(kustomization));
    const { status, stdout, stderr } = spawnSync('kustomize', ['build', folder], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    return parseAllDocuments(stdout).map((document) => document.toJS() as Manifest);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
