// Writes a bill of materials (CycloneDX, JSON) of what is shipped to standard output.
// `npm sbom --omit=dev` leaves out whatever a tool for developing may use too, so the lock file decides here.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Bill {
  components: {
    readonly 'bom-ref': string;
    readonly name: string;
    readonly group?: string;
    readonly version: string;
  }[];
  dependencies: { readonly ref: string; readonly dependsOn?: readonly string[] }[];
}

const ROOT = join(import.meta.dirname, '..');
const MAX_BYTES = 64 * 1024 * 1024;

const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
  packages: Readonly<
    Record<string, { readonly version?: string; readonly dev?: boolean; readonly link?: boolean }>
  >;
};
const shipped = new Set(
  Object.entries(packages)
    .filter(([path, { dev, link }]) => path.startsWith('node_modules/') && !dev && !link)
    .map(([path, { version }]) => `${path.split('node_modules/').at(-1)}@${version}`),
);

const text = execFileSync('npm', ['sbom', '--sbom-format=cyclonedx', '--include=dev'], {
  cwd: ROOT,
  maxBuffer: MAX_BYTES,
  encoding: 'utf8',
});
const bill = JSON.parse(text) as Bill;
const components = bill.components.filter(({ name, group, version }) =>
  shipped.has(`${group === undefined ? name : `${group}/${name}`}@${version}`),
);
const known = new Set(components.map((component) => component['bom-ref']));
const isRoot = ({ ref }: { readonly ref: string }): boolean => ref.startsWith('lora-squeeze@');
const dependencies = bill.dependencies
  .filter((one) => isRoot(one) || known.has(one.ref))
  .map((one) => ({ ...one, dependsOn: (one.dependsOn ?? []).filter((ref) => known.has(ref)) }));
process.stdout.write(`${JSON.stringify({ ...bill, components, dependencies }, null, 2)}\n`);
