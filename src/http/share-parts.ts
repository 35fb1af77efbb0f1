type Json = unknown;
type JsonObject = Readonly<Record<string, Json>>;

/** Where a part is found first: a component's name, then the way to it. */
export type PartPath = readonly [component: string, ...way: readonly (string | number)[]];

/** Parts of the contract that stand in several places; in the document each is described once, under its own name. */
export const PARTS: Readonly<Record<string, PartPath>> = {
  SqueezeJobRequest: ['JobRequest', 'anyOf', 0],
  AnalyzeJobRequest: ['JobRequest', 'anyOf', 1],
  MergeJobRequest: ['JobRequest', 'anyOf', 2],
  Target: ['SqueezeRequest', 'properties', 'targets', 'items'],
  ResultSettings: ['SqueezeRequest', 'properties', 'results'],
  ImportSettings: ['JobRequest', 'anyOf', 3, 'properties', 'results'],
  SqueezeOptions: ['SqueezeRequest', 'properties', 'options'],
  Progress: ['Job', 'properties', 'progress'],
  JobResult: ['Job', 'properties', 'results', 'items'],
  SucceededResult: ['Job', 'properties', 'results', 'items', 'anyOf', 0],
  FailedResult: ['Job', 'properties', 'results', 'items', 'anyOf', 1],
  Timings: ['Job', 'properties', 'timings', 'anyOf', 0],
  ProviderInfo: ['Job', 'properties', 'provider', 'anyOf', 0],
  JobFailure: ['Job', 'properties', 'error', 'anyOf', 0],
  JobState: ['Job', 'properties', 'state'],
  Verdict: ['Job', 'properties', 'results', 'items', 'anyOf', 0, 'properties', 'serving', 'anyOf', 0],
  TrainingNotes: ['Job', 'properties', 'results', 'items', 'anyOf', 0, 'properties', 'training', 'anyOf', 0],
  Stage: ['Schedule', 'properties', 'stages', 'items'],
};

/**
 * An OpenAPI document in which every copy of a part is a reference to it. Only the document: validators keep the
 * schemas whole, because what they say of a fault names places in them.
 * @throws Error when a part is not where its path says
 */
export function shareParts<T extends object>(document: T, parts = PARTS): T {
  const components = (document as { components?: { schemas?: JsonObject } }).components;
  const schemas = components?.schemas ?? {};
  const names = new Map<string, string>();
  const found = Object.entries(parts).flatMap(([name, [component, ...way]]): [string, Json][] => {
    // An app without the routes of that component.
    if (!(component in schemas)) return [];
    const part = way.reduce<Json>((node, key) => (node as JsonObject | undefined)?.[key], schemas[component]);
    if (part === undefined) throw new Error(`There is no ${name} at ${component}/${way.join('/')}`);
    names.set(JSON.stringify(part), name);
    return [[name, part]];
  });
  const inside = (node: Json): Json => {
    if (Array.isArray(node)) return node.map(share);
    if (typeof node !== 'object' || node === null) return node;
    return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, share(value)]));
  };
  const share = (node: Json): Json => {
    const name = typeof node === 'object' && node !== null ? names.get(JSON.stringify(node)) : undefined;
    return name === undefined ? inside(node) : { $ref: `#/components/schemas/${name}` };
  };
  const shared = inside(document) as T & { components: { schemas: Record<string, Json> } };
  for (const [name, part] of found) shared.components.schemas[name] = inside(part);
  return shared;
}
