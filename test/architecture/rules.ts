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
    'app',
    'backup',
    'resources',
    'compute',
    'squeeze',
    'charts',
    'serving',
    'formats',
    'database',
    'storage',
    'adapter',
    'json',
    'contract',
    'version.ts',
    'errors',
  ],
  // Copies of everything, for operators; the service itself knows nothing of them but that content is held.
  backup: ['resources', 'database', 'storage', 'version.ts', 'errors'],
  // A process: its configuration, its signals, its exit. Whatever cannot be started says why by its own class of errors.
  'main.ts': ['app', 'queue', 'database', 'log.ts', 'redaction.ts', 'errors'],
  // How a process is put together: configuration, the HTTP application of all resources, the compute process.
  app: [
    'queue',
    'resources',
    'dispatch',
    'http',
    'compute',
    'squeeze',
    'serving',
    'engine',
    'transfer',
    'net',
    'database',
    'storage',
    'metrics',
    'tracing',
    'backend-calls.ts',
    'contract',
    'log.ts',
    'version.ts',
    'places.ts',
    'errors',
  ],
  // BullMQ and Redis: what is executed now.
  queue: [
    'resources',
    'dispatch',
    'squeeze',
    'formats',
    'transfer',
    'net',
    'database',
    'storage',
    'metrics',
    'tracing',
    'adapter',
    'backend-calls.ts',
    'contract',
    'log.ts',
    'places.ts',
    'errors',
  ],
  // What callers have: see ROOMS.
  resources: [
    'dispatch',
    'http',
    'report',
    'squeeze',
    'schedule',
    'serving',
    'formats',
    'safetensors',
    'gguf',
    'transfer',
    'net',
    'database',
    'storage',
    'metrics',
    'bytes',
    'adapter',
    'json',
    'contract',
    'version.ts',
    'errors',
  ],
  // Who is next. It knows neither who asked nor what is done.
  dispatch: ['database', 'contract', 'errors'],
  // What routes are made of. It knows no resource.
  http: ['database', 'storage', 'metrics', 'tracing', 'adapter', 'json', 'contract', 'errors'],
  // A card has its numbers in the words of charts and reports.
  squeeze: [
    'compute',
    'charts',
    'serving',
    'engine',
    'core',
    'formats',
    'safetensors',
    'adapter',
    'contract',
    'version.ts',
    'errors',
  ],
  // Threads and what runs in them.
  compute: ['engine', 'core', 'adapter', 'contract', 'places.ts', 'errors'],
  schedule: ['contract', 'errors'],
  serving: ['contract', 'adapter', 'formats', 'errors'],
  formats: ['safetensors', 'gguf', 'adapter', 'core', 'json', 'errors'],
  // Reports as people read them: HTML, SVG, PNG. charts: what is drawn, as data; the page in web/ draws the same.
  report: ['charts', 'contract', 'places.ts', 'errors'],
  charts: ['contract', 'core'],
  storage: ['backend-calls.ts', 'errors'],
  // What is known, in SQLite or PostgreSQL; files lie in the storage.
  database: ['backend-calls.ts', 'contract', 'errors'],
  // Adapters from elsewhere and to elsewhere; net is what may be reached, and how.
  transfer: ['net', 'bytes', 'adapter', 'json', 'contract', 'errors'],
  net: ['errors'],
  metrics: ['dispatch', 'backend-calls.ts', 'contract', 'errors'],
  safetensors: ['bytes', 'adapter', 'json', 'errors'],
  gguf: ['bytes', 'adapter', 'json', 'errors'],
  // Of files as they come, whatever they are.
  bytes: [],
  json: ['errors'],
  engine: ['core', 'contract', 'errors'],
  core: [],
  adapter: ['errors'],
  contract: ['adapter'],
  tracing: [],
  // What is observed of calls to storage, database and Redis.
  'backend-calls.ts': [],
  'log.ts': ['redaction.ts'],
  'redaction.ts': [],
  'version.ts': ['places.ts'],
  'places.ts': [],
  errors: [],
};

/**
 * The same inside a layer: which of its other folders a folder may import. Files that lie directly in the layer may import
 * all of its folders; its folders may import those of ENTRIES only, where the layer is listed there. A layer that is not
 * listed has no order inside yet.
 */
export const ROOMS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  core: { onnx: [], policy: [] },
  formats: {
    convert: ['gguf', 'layers', 'pairs'],
    merge: ['peft', 'gguf', 'layers', 'pairs'],
    diffusers: ['layers', 'pairs', 'peft'],
    mlx: ['pairs', 'peft'],
    cloneofsimo: ['pairs'],
    gguf: ['pairs'],
    kohya: ['derived', 'layers', 'pairs'],
    peft: ['derived', 'pairs'],
    derived: ['layers', 'pairs'],
    xlabs: ['pairs'],
    shards: ['pairs'],
    layers: [],
    pairs: [],
  },
  resources: {
    runs: ['jobs', 'adapters', 'webhooks', 'contents', 'tenants', 'idempotency'],
    batches: ['jobs', 'adapters', 'webhooks', 'events', 'contents', 'tenants', 'idempotency'],
    jobs: ['adapters', 'connections', 'webhooks', 'events', 'contents', 'tenants', 'idempotency'],
    uploads: ['adapters', 'contents', 'tenants', 'idempotency'],
    adapters: ['contents', 'tenants', 'idempotency'],
    // Jobs write the outbox; webhooks know nothing of them.
    webhooks: ['events'],
    secrets: ['webhooks'],
    events: [],
    connections: [],
    keys: ['tenants'],
    tenants: [],
    capabilities: [],
    workers: [],
    contents: [],
    idempotency: [],
  },
  storage: { s3: [] },
  transfer: { hub: [], s3: [] },
};

/** Files directly in a layer that its folders may import, and which of their files may. */
export const ENTRIES: Readonly<Record<string, { readonly file: string; readonly from: RegExp }>> = {
  // Who answers a request has the workspace of its caller; stores and services are given what they need.
  resources: {
    file: 'resources/own-workspace.ts',
    from: /(?:\/|-)routes\.ts$|\/upload\/|^resources\/uploads\/adapter-from-uploads\.ts$|jobs\/final-job-cache\.ts$|batches\/batch-responses\.ts$/,
  },
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
  fastify: ['http/', 'resources/', 'app/'],
  'fastify-plugin': ['http/', 'resources/', 'app/'],
  '@fastify/*': ['http/', 'resources/', 'app/'],
  '@opentelemetry/*': ['tracing/otel-tracing.ts'],
  echarts: ['report/', 'charts/'],
  '@resvg/resvg-js': ['report/'],
  'dejavu-fonts-ttf': ['report/'],
  re2js: ['formats/'],
  '@aws-sdk/*': ['storage/s3/', 'transfer/s3/'],
  '@huggingface/hub': ['transfer/hub/'],
  '@tus/*': ['resources/uploads/'],
  undici: ['net/'],
  yaml: ['app/openapi-plugin.ts'],
  'range-parser': ['http/send-file.ts'],
  'lru-cache': ['database/', 'resources/', 'http/'],
  'client-zip': ['http/zip-archive.ts'],
  'cli-progress': ['cli/'],
  'p-limit': ['cli/'],
  typebox: ['contract/', 'http/', 'resources/', 'app/'],
  'env-schema': ['app/config.ts'],
  'close-with-grace': ['main.ts'],
  pino: ['log.ts'],
  jose: ['resources/keys/token-signature.ts'],
};

/** Layers that only calculate: no files, sockets, processes or clocks. */
const PURE = ['core', 'adapter', 'schedule', 'serving', 'charts'];

/** A compute process is handed what was read, in its environment. */
const READ_ENVIRONMENT: ReadonlySet<string> = new Set(['app/config.ts', 'app/compute-settings.ts']);

const COMMENTS = /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm;
const IMPORTS = /\b(?:from\s*|(?:import|require|require\.resolve)\s*\(?\s*)['"]([^'"\s]+)['"]/g;

const EXPORTS =
  /^export (?:abstract |async |declare )*(?:function\*?|const|class|interface|type|enum) (\w+)/gm;

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
  return [...files.flatMap((file) => [...brokenImports(file), ...brokenShape(file)]), ...sharedNames(files)];
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
  if (!rooms || from === undefined || from === to) return [];
  if (to === undefined) return brokenEntry(path, target);
  const allowed = rooms[from];
  if (!allowed) return [`${path}: "${from}" is not a known folder of ${layerOf(path)}`];
  return allowed.includes(to) ? [] : [`${path}: ${from} must not import ${to}`];
}

function brokenEntry(path: string, target: string): string[] {
  const entry = ENTRIES[layerOf(path)];
  if (!entry || (target === entry.file && entry.from.test(path))) return [];
  return [`${path}: must not import ${target}`];
}

function mayImport(path: string, packageName: string): boolean {
  const owners = OWNERS[packageName] ?? OWNERS[`${packageName.split('/')[0]}/*`] ?? [];
  return owners.some((owner) => (owner.endsWith('/') ? path.startsWith(owner) : path === owner));
}

/** A name that two files export: readers and editors take one for the other. A schema and its type share theirs. */
function sharedNames(files: readonly SourceFile[]): string[] {
  const first = new Map<string, string>();
  return files.flatMap(({ path, text }) =>
    [...new Set([...text.replace(COMMENTS, '').matchAll(EXPORTS)].map(([, name]) => name!))].flatMap(
      (name) => {
        const other = first.get(name);
        first.set(name, other ?? path);
        return other === undefined ? [] : [`${path}: ${other} exports ${name} too`];
      },
    ),
  );
}

function brokenShape({ path, text }: SourceFile): string[] {
  const broken: string[] = [];
  const lines = text.split('\n').length - 1;
  if (lines > MAX_LINES) broken.push(`${path}: ${lines} lines, at most ${MAX_LINES}`);
  if (path.endsWith('/index.ts')) broken.push(`${path}: import files by name, not through a barrel`);
  if (!READ_ENVIRONMENT.has(path) && /\bprocess\.env\b/.test(text.replace(COMMENTS, ''))) {
    broken.push(`${path}: only ${[...READ_ENVIRONMENT].join(' and ')} read process.env`);
  }
  return broken;
}
