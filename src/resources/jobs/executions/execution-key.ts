import { createHash } from 'node:crypto';
import { MergeSource, type RecordedJobRequest, SqueezeOptions } from '../../../contract/job-request.ts';
import { BUDGETS, isUnequalByDefault, type Target, TargetFields } from '../../../contract/target.ts';
import { PRODUCT } from '../../../version.ts';
import { canonicalJson } from '../../idempotency/fingerprint.ts';
import { withoutResults } from '../result-settings.ts';

/**
 * Identifies equal executions: the digest of the requested work, with the contents of its adapters instead of their
 * ids. The execution provider is not included, because the worker is not known in advance, and providers differ by
 * rounding only. Work of a run is for that run only: undefined.
 * @param digestOf the digest of an adapter of the request (adapterDigest)
 */
export function executionKey(
  request: RecordedJobRequest,
  digestOf: (adapterId: string) => string,
): string | undefined {
  if (request.kind === 'squeeze' || request.kind === 'analyze') {
    type Squeeze = Extract<RecordedJobRequest, { kind: 'squeeze' }>;
    const { source: _here, deliver: _later, ...work } = request as Squeeze;
    return requestDigest({ ...work, adapter_id: digestOf(work.adapter_id!) }, PRODUCT.version);
  }
  if (request.kind !== 'merge') return undefined;
  const { deliver: _later, ...work } = request;
  const sources = work.sources.map((source) => ({ ...source, adapter_id: digestOf(source.adapter_id) }));
  return requestDigest({ ...work, sources }, PRODUCT.version);
}

type Fields = Readonly<Record<string, unknown>>;

/** What the contract says of each field where it is left out. */
const defaultsOf = (schema: { readonly properties: object }): Fields =>
  Object.fromEntries(
    Object.entries(schema.properties as Readonly<Record<string, { readonly default?: unknown }>>)
      .filter(([, field]) => field.default !== undefined)
      .map(([name, field]) => [name, field.default]),
  );

const OPTIONS = defaultsOf(SqueezeOptions);
// A scale that is folded because it was asked for is folded also where nothing is squeezed.
const { criterion: CRITERION, scale: _ownMeaning, ...TARGET } = defaultsOf(TargetFields);
const SOURCE = defaultsOf(MergeSource);

/**
 * SHA-256 (hex) of what a request asks to be done. Two requests with the same one have the same results: adapters,
 * weights, targets and options are the same, defaults filled in, and so is the
 * build of the engine. What results are called and how long they live says nothing, nor does the order of keys, but that of
 * sources, targets and patterns does.
 */
export function requestDigest(work: RecordedJobRequest, build: string): string {
  return createHash('sha256')
    .update(canonicalJson({ build, ...whole(withoutResults(work)) }))
    .digest('hex');
}

function whole(work: RecordedJobRequest): Fields {
  if (!('targets' in work)) return work;
  const { targets, options, ...rest } = work;
  return {
    ...rest,
    ...('sources' in rest && { sources: rest.sources.map((source) => ({ ...SOURCE, ...source })) }),
    targets: targets.map(wholeTarget),
    options: { ...OPTIONS, ...options },
  };
}

function wholeTarget(target: Target): Fields {
  // The first pattern that applies decides.
  const pattern = 'rank_pattern' in target ? { rank_pattern: Object.entries(target.rank_pattern) } : {};
  // A profile decides what its target leaves open.
  if (target.profile !== undefined) return { ...target, ...pattern };
  // One rank for all that was asked for holds also where a module has fewer directions.
  const isBudget = BUDGETS.some((budget) => budget in target);
  return {
    ...TARGET,
    ...(isBudget && { criterion: CRITERION }),
    ...(isUnequalByDefault(target) && { uniform: false }),
    ...target,
    ...pattern,
  };
}
