import { dirname, join } from 'node:path/posix';

/** A file under src/, its path relative to src/. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

const MAX_LINES = 400;

/**
 * What each layer (a folder or a top-level file of src/) may import, besides itself. Dependencies point one way:
 * whoever stands on the left knows those on the right, never the reverse.
 */
export const LAYERS: Readonly<Record<string, readonly string[]>> = {
  // The command: `serve` is the service itself, the rest uses the engine in place, or a server.
  cli: [
    'main.ts',
    'config.ts',
    'log.ts',
    'version.ts',
    'errors.ts',
    'backup',
    'service',
    'database',
    'squeeze',
    'serving',
    'formats',
    'storage',
    'adapter',
    'json',
    'contract',
  ],
  // Copies of everything, for operators; the service itself knows nothing of them but that content is held.
  backup: ['service', 'database', 'storage', 'errors.ts', 'version.ts'],
  'main.ts': [
    'config.ts',
    'connection-ceiling.ts',
    'log.ts',
    'redaction.ts',
    'secrets-key.ts',
    'version.ts',
    'errors.ts',
    'net',
    'transfer',
    'http',
    'queue',
    'service',
    'database',
    'storage',
    'metrics',
    'tracing',
  ],
  http: [
    'places.ts',
    'service',
    'report',
    'schedule',
    'serving',
    'formats',
    'storage',
    'metrics',
    'tracing',
    'adapter',
    'json',
    'contract',
    'authority.ts',
    'errors.ts',
  ],
  // config.ts and log.ts: queue/processor.ts is a process of its own and wires itself.
  queue: [
    'database',
    'service',
    'storage',
    'squeeze',
    'engine',
    'transfer',
    'net',
    'tracing',
    'contract',
    'config.ts',
    'log.ts',
    'places.ts',
    'version.ts',
    'errors.ts',
  ],
  service: [
    'database',
    'squeeze',
    'schedule',
    'serving',
    'storage',
    'formats',
    'safetensors',
    'gguf',
    'adapter',
    'json',
    'net',
    'transfer',
    'contract',
    'errors.ts',
    'version.ts',
  ],
  squeeze: [
    'serving',
    'engine',
    'core',
    'formats',
    'safetensors',
    'adapter',
    'contract',
    'errors.ts',
    'places.ts',
    'version.ts',
  ],
  schedule: ['contract', 'errors.ts'],
  serving: ['contract', 'adapter', 'formats', 'errors.ts'],
  formats: ['safetensors', 'gguf', 'adapter', 'core', 'json', 'errors.ts'],
  // Reports as people read them: HTML, SVG, PNG. charts: what is drawn, as data; the page in web/ draws the same.
  report: ['charts', 'contract', 'places.ts', 'errors.ts'],
  charts: ['contract', 'core'],
  storage: ['errors.ts'],
  // What is known, in SQLite or PostgreSQL; files lie in the storage.
  database: ['errors.ts'],
  // Adapters from elsewhere and to elsewhere; net is what may be reached, and how.
  transfer: ['net', 'adapter', 'json', 'contract', 'errors.ts'],
  net: ['errors.ts'],
  metrics: ['contract'],
  safetensors: ['bytes', 'adapter', 'json', 'errors.ts'],
  gguf: ['bytes', 'adapter', 'json', 'errors.ts'],
  // Of files as they come, whatever they are.
  bytes: [],
  json: ['errors.ts'],
  engine: ['core', 'contract', 'errors.ts'],
  core: [],
  adapter: ['errors.ts'],
  contract: ['adapter'],
  tracing: [],
  'config.ts': ['authority.ts', 'environment.ts', 'storage-url.ts'],
  'authority.ts': [],
  'connection-ceiling.ts': ['config.ts'],
  'environment.ts': [],
  'storage-url.ts': [],
  'log.ts': ['redaction.ts'],
  'redaction.ts': [],
  'secrets-key.ts': [],
  'version.ts': ['places.ts'],
  'places.ts': [],
  'errors.ts': [],
};

/**
 * The same inside a layer: which of its other folders a folder may import. Files that lie directly in the layer may import
 * all of its folders and may be imported by them. A layer that is not listed has no order inside yet.
 */
export const ROOMS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  core: { onnx: [], policy: [] },
  formats: {
    convert: ['gguf', 'layers', 'pairs'],
    diffusers: ['layers', 'pairs', 'peft'],
    mlx: ['pairs', 'peft'],
    cloneofsimo: ['pairs'],
    gguf: ['pairs'],
    kohya: ['layers', 'pairs'],
    peft: ['pairs'],
    xlabs: ['pairs'],
    layers: [],
    pairs: [],
  },
  storage: { s3: [] },
  transfer: { hub: [], s3: [] },
};

/** The files and folders (ending in "/") that may import a package. One place knows each foreign library. */
export const OWNERS: Readonly<Record<string, readonly string[]>> = {
  'onnxruntime-node': ['engine/ort.ts'],
  kysely: ['database/'],
  '@photostructure/sqlite': ['database/sqlite.ts', 'database/sqlite-dialect.ts'],
  pg: ['database/postgresql.ts'],
  bullmq: ['queue/'],
  ioredis: ['queue/'],
  'prom-client': ['metrics/'],
  fastify: ['http/'],
  'fastify-plugin': ['http/'],
  '@fastify/*': ['http/'],
  '@bull-board/*': ['http/plugins/queue-board.ts'],
  '@opentelemetry/*': ['tracing/otel-tracing.ts'],
  yazl: ['http/'],
  echarts: ['report/', 'charts/'],
  '@resvg/resvg-js': ['report/'],
  'dejavu-fonts-ttf': ['report/'],
  re2js: ['formats/'],
  '@aws-sdk/*': ['storage/s3/', 'transfer/s3/'],
  '@huggingface/hub': ['transfer/hub/'],
  '@tus/*': ['http/'],
  undici: ['net/'],
  'lru-cache': ['database/', 'service/', 'http/'],
  'cli-progress': ['cli/'],
  typebox: ['contract/', 'http/', 'config.ts', 'environment.ts'],
  'env-schema': ['config.ts'],
  'close-with-grace': ['main.ts'],
  pino: ['log.ts'],
};

/** Layers that only calculate: no files, sockets, processes or clocks. */
const PURE = ['core', 'adapter', 'schedule', 'serving', 'charts'];

const COMMENTS = /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm;
const IMPORTS = /\b(?:from\s*|(?:import|require|require\.resolve)\s*\(?\s*)['"]([^'"\s]+)['"]/g;

const layerOf = (path: string): string => path.split('/', 1)[0]!;
/** The folder of a layer that a file lies in; undefined for one that lies in the layer itself. */
const roomOf = (path: string): string | undefined => path.split('/').slice(1, -1)[0];
const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

/** Every rule of the house that the files break, one sentence each. */
export function violations(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => [...brokenImports(file), ...brokenShape(file)]);
}

/** Layers that reach themselves through LAYERS; empty when dependencies point one way. */
export function cyclicLayers(layers: Readonly<Record<string, readonly string[]>> = LAYERS): string[] {
  const reaches = (from: string, goal: string, seen = new Set<string>()): boolean =>
    (layers[from] ?? []).some((next) => {
      if (next === goal) return true;
      if (seen.has(next)) return false;
      seen.add(next);
      return reaches(next, goal, seen);
    });
  return Object.keys(layers).filter((layer) => reaches(layer, layer));
}

function brokenImports({ path, text }: SourceFile): string[] {
  const layer = layerOf(path);
  const allowed = LAYERS[layer];
  if (!allowed) return [`${path}: "${layer}" is not a known layer`];
  return [...text.replace(COMMENTS, '').matchAll(IMPORTS)].flatMap(([, found]) => {
    const specifier = found!;
    if (specifier.startsWith('.')) {
      const file = join(dirname(path), specifier);
      const target = layerOf(file);
      if (target === layer) return brokenRoom(path, file);
      return allowed.includes(target) ? [] : [`${path}: ${layer} must not import ${target}`];
    }
    if (specifier.startsWith('node:')) {
      return PURE.includes(layer) ? [`${path}: ${layer} is pure and must not import ${specifier}`] : [];
    }
    return mayImport(path, packageOf(specifier)) ? [] : [`${path}: must not import ${specifier}`];
  });
}

/** Whether a file may import another one of its layer. */
function brokenRoom(path: string, target: string): string[] {
  const rooms = ROOMS[layerOf(path)];
  const [from, to] = [roomOf(path), roomOf(target)];
  if (!rooms || from === undefined || to === undefined || from === to) return [];
  const allowed = rooms[from];
  if (!allowed) return [`${path}: "${from}" is not a known folder of ${layerOf(path)}`];
  return allowed.includes(to) ? [] : [`${path}: ${from} must not import ${to}`];
}

function mayImport(path: string, packageName: string): boolean {
  const owners = OWNERS[packageName] ?? OWNERS[`${packageName.split('/')[0]}/*`] ?? [];
  return owners.some((owner) => (owner.endsWith('/') ? path.startsWith(owner) : path === owner));
}

function brokenShape({ path, text }: SourceFile): string[] {
  const broken: string[] = [];
  const lines = text.split('\n').length - 1;
  if (lines > MAX_LINES) broken.push(`${path}: ${lines} lines, at most ${MAX_LINES}`);
  if (path.endsWith('/index.ts')) broken.push(`${path}: import files by name, not through a barrel`);
  if (path !== 'config.ts' && /\bprocess\.env\b/.test(text.replace(COMMENTS, ''))) {
    broken.push(`${path}: only config.ts reads process.env`);
  }
  return broken;
}
