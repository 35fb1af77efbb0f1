import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './compose-file.ts';
import type { Manifest } from './manifests.ts';

/** Where the models are for the group of an object that is not part of Kubernetes itself. */
const FOREIGN: Readonly<Record<string, string>> = {
  'keda.sh': '@kubernetes-models/keda',
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator',
};
const moduleOf = (apiVersion: string): string =>
  `${FOREIGN[apiVersion.split('/')[0]!] ?? 'kubernetes-models'}/${apiVersion}`;

interface Model {
  validate(): void;
}

/**
 * Checks objects against the schemas of Kubernetes and of the operators: values by the validators, and field
 * names, which those do not check, by the types.
 * @throws Error with what is wrong
 */
export async function checkSchemas(manifests: readonly Manifest[]): Promise<void> {
  for (const manifest of manifests) {
    const models = (await import(moduleOf(manifest.apiVersion))) as Record<
      string,
      new (
        data: Manifest,
      ) => Model
    >;
    const Kind = models[manifest.kind];
    if (Kind === undefined) throw new Error(`${manifest.apiVersion} has no ${manifest.kind}`);
    new Kind(manifest).validate();
  }
  // Inside the repository, so that the types are found.
  const folder = mkdtempSync(join(ROOT, 'node_modules/.manifests-'));
  try {
    const lines = manifests.map(
      (manifest, i) =>
        `import type { I${manifest.kind} as T${i} } from '${moduleOf(manifest.apiVersion)}';\n` +
        `export const v${i}: T${i} = ${JSON.stringify(manifest, null, 1)};`,
    );
    writeFileSync(join(folder, 'manifests.ts'), lines.join('\n'));
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--ignoreConfig'];
    const kind = ['--module', 'esnext', '--moduleResolution', 'bundler', '--target', 'es2022'];
    const { status, stdout } = spawnSync(
      join(ROOT, 'node_modules/.bin/tsc'),
      [...options, ...kind, join(folder, 'manifests.ts')],
      { cwd: ROOT, encoding: 'utf8' },
    );
    if (status !== 0) throw new Error(stdout);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
