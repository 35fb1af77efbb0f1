import { dirname, join } from 'node:path/posix';

/** A file under src/, its path relative to src/. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

const MAX_LINES = 400;

/**
 * What each layer (a folder or a top-level file of src/) may import, besides itself. Dependencies point one
 * way: the layers on the left know those on the right, never the reverse.
 */
export const LAYERS: Readonly<Record<string, readonly string[]>> = {
  // The command: `serve` is the service itself; the other commands use the engine locally, or a server.
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
    'bytes',
    'adapter',
    'json',
    'contract',
    'version.ts',
    'errors',
  ],
  // Backups, for operators. The service itself knows only that a backup may hold content.
  backup: ['resources', 'database', 'storage', 'version.ts', 'errors'],
  // A process: its configuration, its signals, its exit. A part that cannot be started reports why with an
  // error class of its own.
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
    'charts',
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
  // BullMQ and Redis: the executions that run now.
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
  // The records of callers: see ROOMS.
  resources: [
    'dispatch',
    'http',
    'report',
    'charts',
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
  // Which execution is next. This layer knows neither who sent a request nor what the work is.
  dispatch: ['database', 'contract', 'errors'],
  // What routes are built from. This layer knows no resource.
  http: ['database', 'storage', 'metrics', 'tracing', 'adapter', 'json', 'contract', 'errors'],
  // A model card shows its numbers in the same words as charts and reports.
  squeeze: [
    'compute',
    'charts',
    'serving',
    'engine',
    'core',
    'formats',
    'safetensors',
    'bytes',
    'adapter',
    'contract',
    'version.ts',
    'errors',
  ],
  // Threads, and the tasks that run in them.
  compute: ['engine', 'core', 'adapter', 'contract', 'places.ts', 'errors'],
  schedule: ['contract', 'errors'],
  serving: ['contract', 'adapter', 'formats', 'errors'],
  formats: ['safetensors', 'gguf', 'bytes', 'adapter', 'core', 'json', 'errors'],
  // Reports for people: HTML, SVG, PNG. charts describes a drawing as data, which the page in web/ also
  // draws.
  report: ['charts', 'serving', 'contract', 'places.ts', 'errors'],
  charts: ['contract', 'core'],
  storage: ['backend-calls.ts', 'errors'],
  // Records are in SQLite or PostgreSQL; files are in the storage.
  database: ['backend-calls.ts', 'contract', 'errors'],
  // transfer fetches and delivers adapters; net decides which addresses may be reached, and how.
  transfer: ['net', 'bytes', 'adapter', 'json', 'contract', 'errors'],
  net: ['errors'],
  metrics: ['dispatch', 'backend-calls.ts', 'contract', 'errors'],
  safetensors: ['bytes', 'adapter', 'json', 'errors'],
  gguf: ['bytes', 'adapter', 'json', 'errors'],
  // Reading files of any kind.
  bytes: ['errors'],
  json: ['errors'],
  engine: ['core', 'contract', 'errors'],
  core: [],
  adapter: ['errors'],
  contract: ['adapter'],
  tracing: [],
  // What is observed of calls to the storage, the database and Redis.
  'backend-calls.ts': [],
  'log.ts': ['redaction.ts'],
  'redaction.ts': [],
  'version.ts': ['places.ts'],
  'places.ts': [],
  errors: [],
};

/**
 * The same inside a layer: which of its other folders a folder may import. Files directly in the layer may
 * import all of its folders. Its folders may import only those of ENTRIES, if the layer is listed there. In a
 * layer that is not listed, folders may import each other.
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
    // Jobs write to the outbox; webhooks know nothing of jobs.
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

/** Files directly in a layer that its folders may import, and which files may do so. */
export const ENTRIES: Readonly<Record<string, { readonly file: string; readonly from: RegExp }>> = {
  // Code that answers a request has the workspace of its caller; stores and services get what they need as
  // parameters.
  resources: {
    file: 'resources/own-workspace.ts',
    from: /(?:\/|-)routes\.ts$|\/upload\/|^resources\/uploads\/adapter-from-uploads\.ts$|jobs\/final-job-cache\.ts$|batches\/batch-responses\.ts$/,
  },
};

/** The files and folders (ending in "/") that may import a package. Each package has one owner. */
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

/** Layers that only calculate: they use no files, sockets, processes or clocks. */
const PURE = ['core', 'adapter', 'schedule', 'serving', 'charts'];

/** A compute process gets its configuration through its environment. */
const READ_ENVIRONMENT: ReadonlySet<string> = new Set(['app/config.ts', 'app/compute-settings.ts']);

const COMMENTS = /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm;
const IMPORTS = /\b(?:from\s*|(?:import|require|require\.resolve)\s*\(?\s*)['"]([^'"\s]+)['"]/g;

const EXPORTS =
  /^export (?:abstract |async |declare )*(?:function\*?|const|class|interface|type|enum) (\w+)/gm;

const layerOf = (path: string): string => path.split('/', 1)[0]!;
/** The folder of a layer that contains a file; undefined for a file directly in the layer. */
const roomOf = (path: string): string | undefined => path.split('/').slice(1, -1)[0];
const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

/** Every rule that the files break, one sentence each. */
export function violations(files: readonly SourceFile[]): string[] {
  return [...files.flatMap((file) => [...brokenImports(file), ...brokenShape(file)]), ...sharedNames(files)];
}

/** Layers that reach themselves through LAYERS; empty if dependencies point one way. */
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

/**
 * A name that two files export, which readers and editors would confuse. A schema and its type share a name.
 */
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
