import { createHash } from 'node:crypto';
import { MergeSource, type RecordedJobRequest, SqueezeOptions } from '../../../contract/job-request.ts';
import { BUDGETS, isUnequalByDefault, type Target, TargetFields } from '../../../contract/target.ts';
import { PRODUCT } from '../../../version.ts';
import { canonicalJson } from '../../idempotency/fingerprint.ts';
import { withoutResults } from '../result-settings.ts';

/**
 * Identifies equal executions: the digest of the requested work, with what its adapters are instead of their
 * ids. The execution provider is not included, because the worker is not known in advance, and providers differ by
 * rounding only. Work of a run is for that run only: undefined.
 * @param identityOf what distinguishes an adapter of the request from others (sourceIdentity)
 */
export function executionKey(
  request: RecordedJobRequest,
  identityOf: (adapterId: string) => string,
): string | undefined {
  if (request.kind === 'squeeze' || request.kind === 'analyze') {
    type Squeeze = Extract<RecordedJobRequest, { kind: 'squeeze' }>;
    const { source: _here, deliver: _later, ...work } = request as Squeeze;
    return requestDigest({ ...work, adapter_id: identityOf(work.adapter_id!) }, PRODUCT.version);
  }
  if (request.kind !== 'merge') return undefined;
  const { deliver: _later, ...work } = request;
  const sources = work.sources.map((source) => ({ ...source, adapter_id: identityOf(source.adapter_id) }));
  return requestDigest({ ...work, sources }, PRODUCT.version);
}

/** What distinguishes an adapter from others: its content, and its license, which the cards of results name. */
export const sourceIdentity = (source: {
  readonly digest: string;
  readonly license: string | undefined;
}): string => (source.license === undefined ? source.digest : `${source.digest} ${source.license}`);

type Fields = Readonly<Record<string, unknown>>;

/** The defaults of the contract for each field. */
const defaultsOf = (schema: { readonly properties: object }): Fields =>
  Object.fromEntries(
    Object.entries(schema.properties as Readonly<Record<string, { readonly default?: unknown }>>)
      .filter(([, field]) => field.default !== undefined)
      .map(([name, field]) => [name, field.default]),
  );

const OPTIONS = defaultsOf(SqueezeOptions);
// `scale` has no default here: if "fold" is requested, it applies even if nothing is squeezed.
const { criterion: CRITERION, scale: _ownMeaning, ...TARGET } = defaultsOf(TargetFields);
const SOURCE = defaultsOf(MergeSource);

/**
 * SHA-256 (hex) of the work that a request asks for. Two requests with the same digest have the same results:
 * adapters, weights, targets, options (with defaults filled in) and the build of the engine are the same. Names and
 * times to live of results do not matter, nor does the order of keys; the order of sources, targets and patterns
 * does.
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
  // The order matters, because the first pattern that matches decides.
  const pattern = 'rank_pattern' in target ? { rank_pattern: Object.entries(target.rank_pattern) } : {};
  // The profile determines whatever its target does not specify.
  if (target.profile !== undefined) return { ...target, ...pattern };
  // Requesting one rank for all modules has an effect even if a module has fewer directions.
  const isBudget = BUDGETS.some((budget) => budget in target);
  return {
    ...TARGET,
    ...(isBudget && { criterion: CRITERION }),
    ...(isUnequalByDefault(target) && { uniform: false }),
    ...target,
    ...pattern,
  };
}
