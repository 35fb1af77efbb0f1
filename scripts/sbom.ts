// Writes a bill of materials (CycloneDX, JSON) of what is shipped to standard output.
//   npx tsx scripts/sbom.ts [FOLDER]
// FOLDER, if given, describes the rest of an image: packages.txt (name, version and architecture of each system package,
// one per line) and its os-release. Then Node and ONNX Runtime's library are listed too.
// `npm sbom --omit=dev` also leaves out shipped packages that a development tool uses, so the lock file decides here.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Component {
  readonly 'bom-ref': string;
  readonly type: string;
  readonly name: string;
  readonly group?: string;
  readonly version: string;
  readonly purl?: string;
}
interface Bill {
  readonly metadata: { readonly component: Component };
  components: Component[];
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
// npm uses the name of the root folder, so it is replaced.
const metadata = { ...bill.metadata, component: { ...bill.metadata.component, name: 'lora-squeeze' } };
const [folder] = process.argv.slice(2);
const all = [...components, ...(folder === undefined ? [] : [...systemPackages(folder), ...programs()])];
process.stdout.write(`${JSON.stringify({ ...bill, metadata, components: all, dependencies }, null, 2)}\n`);

function systemPackages(folder: string): Component[] {
  const system = /^ID=(.*)$/m.exec(readFileSync(join(folder, 'os-release'), 'utf8'))?.[1] ?? 'debian';
  const lines = readFileSync(join(folder, 'packages.txt'), 'utf8').trim().split('\n');
  return lines.map((line) => {
    const [name, version, arch] = line.split(' ') as [string, string, string];
    const purl = `pkg:deb/${system}/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${arch}`;
    return { 'bom-ref': purl, type: 'library', name, version, purl };
  });
}

/** Programs that no package manager lists: Node itself, and the library inside onnxruntime-node. */
function programs(): Component[] {
  const runtime = packages['node_modules/onnxruntime-node']!.version!;
  const purls = { node: process.versions.node, onnxruntime: runtime };
  return Object.entries(purls).map(([name, version]) => {
    const purl = `pkg:generic/${name}@${version}`;
    return { 'bom-ref': purl, type: name === 'node' ? 'platform' : 'library', name, version, purl };
  });
}
