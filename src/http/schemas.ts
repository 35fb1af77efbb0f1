import { STATUS_CODES } from 'node:http';
import { type Static, type TSchema, Type } from 'typebox';
import { AdapterFile, AdapterRecord } from '../contract/adapter.ts';
import { Analysis } from '../contract/analysis.ts';
import { JobRecord } from '../contract/job.ts';
import { JobRequest, SqueezeRequest } from '../contract/job-request.ts';
import { Readiness } from '../contract/readiness.ts';
import { MatrixShape, Report } from '../contract/report.ts';
import { Schedule, ScheduleRequest } from '../contract/schedule.ts';
import { ServingProfile } from '../contract/serving.ts';
import { UsageRecord } from '../contract/tenant.ts';
import { RecordedSink, RecordedSource, Sink, Source } from '../contract/transfer.ts';
import { RequestWebhook } from '../contract/webhook.ts';
import { codesOfGroups, ERROR_KINDS, type ErrorCode } from '../errors/error-kinds.ts';
import { PROBLEM_MEDIA_TYPE, Problem } from './problem.ts';

export const AdapterModules = Type.Object(
  {
    modules: Type.Array(
      Type.Object(
        {
          name: Type.String(),
          kind: Type.Union([Type.Literal('linear'), Type.Literal('conv'), Type.Literal('embedding')]),
          shape: MatrixShape,
          rank: Type.Integer({ minimum: 1 }),
          scale: Type.Number({ description: 'ΔW = scale·B·A' }),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { $id: 'AdapterModules', additionalProperties: false },
);

export const Liveness = Type.Object(
  { status: Type.Literal('alive'), version: Type.String() },
  { $id: 'Liveness', additionalProperties: false },
);

export const COMPONENTS: readonly TSchema[] = [
  AdapterFile,
  AdapterRecord,
  AdapterModules,
  Source,
  Sink,
  RecordedSource,
  RecordedSink,
  RequestWebhook,
  JobRequest,
  SqueezeRequest,
  JobRecord,
  Report,
  Analysis,
  ServingProfile,
  ScheduleRequest,
  Schedule,
  UsageRecord,
  Problem,
  Readiness,
  Liveness,
];

/** The name that a schema has in the contract. */
export const idOf = (schema: unknown): string | undefined => (schema as { $id?: string } | null)?.$id;

/**
 * A schema in the form that OpenAPI 3.1 expects: every component inside it is replaced by a reference, so that each
 * is described once.
 */
export function asComponent(schema: TSchema): TSchema {
  const replace = (value: unknown, isRoot: boolean): unknown => {
    if (Array.isArray(value)) return value.map((item) => replace(item, false));
    if (typeof value !== 'object' || value === null) return value;
    if (!isRoot && idOf(value)) return { $ref: `${idOf(value)}#` };
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, replace(item, false)]));
  };
  return replace(schema, true) as TSchema;
}

/** A reference to a component, with the type of the component. */
export const reference = <T extends TSchema>(schema: T) =>
  Type.Unsafe<Static<T>>({ $ref: `${idOf(schema)}#` });

export interface ResponseOptions {
  readonly mediaType?: string;
  readonly headers?: Readonly<Record<string, { readonly type: string; readonly description: string }>>;
}

/** A response of one media type, for a route's schema. */
export const response = (description: string, schema: TSchema, options: ResponseOptions = {}) => ({
  description,
  content: { [options.mediaType ?? 'application/json']: { schema } },
  ...(options.headers ? { headers: options.headers } : {}),
});

/** The response to a deletion. */
export const REMOVED = Type.Null({ description: 'Removed' });

export const BINARY = Type.String({ format: 'binary' });

export const REQUEST_ID_HEADER = 'x-request-id';

/** A header with any text, for a route's schema. */
export const textHeader = (description: string) => ({ type: 'string', description }) as const;

const RETRY_AFTER = {
  'retry-after': textHeader(
    'Seconds to wait before the next try. A full quota may have room sooner, if records are removed',
  ),
};

/** Headers of responses to tenants with a limit of requests (draft-ietf-httpapi-ratelimit-headers). */
const RATE_HEADERS = {
  ratelimit: textHeader(
    '`"requests";r=…;t=…`: the number of requests left, and the seconds until they are replenished',
  ),
  'ratelimit-policy': textHeader('`"requests";q=…;w=60`: requests per minute'),
};

/** RFC 6750, section 3. */
const CHALLENGE = {
  'www-authenticate': textHeader(
    '`Bearer`. A 403 response has it only if a scope is missing, and then it names the scope',
  ),
};

const HEADERS: Readonly<Record<number, Readonly<Record<string, ReturnType<typeof textHeader>>>>> = {
  401: CHALLENGE,
  403: CHALLENGE,
  409: RETRY_AFTER,
  424: RETRY_AFTER,
  429: { ...RETRY_AFTER, ...RATE_HEADERS },
  503: RETRY_AFTER,
  507: RETRY_AFTER,
};

/** A response of the contract, with the codes that the operation lists for it. */
export interface ProblemResponse extends ReturnType<typeof response> {
  readonly codes: readonly ErrorCode[];
}

const withCodes = (status: number, codes: readonly ErrorCode[]): ProblemResponse => ({
  ...response(STATUS_CODES[status]!, reference(Problem), {
    mediaType: PROBLEM_MEDIA_TYPE,
    headers: {
      [REQUEST_ID_HEADER]: textHeader('Id of the request, which also appears in its log lines'),
      ...HEADERS[status],
    },
  }),
  codes,
});

/** Responses by the requested codes: each app requests the same ones some hundreds of times. */
const KNOWN = new Map<string, Record<number, ProblemResponse>>();

/** The problem responses of an operation by status, with their codes. The same object for the same codes. */
export function problems(...codes: readonly ErrorCode[]): Readonly<Record<number, ProblemResponse>> {
  const key = codes.join();
  const known = KNOWN.get(key) ?? problemsOf(new Set([...codes, ...codesOfGroups('any')]));
  KNOWN.set(key, known);
  return known;
}

function problemsOf(codes: ReadonlySet<ErrorCode>): Record<number, ProblemResponse> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes) {
    const { status } = ERROR_KINDS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const all = [...byStatus].sort(([x], [y]) => x - y);
  return Object.fromEntries(all.map(([status, group]) => [status, withCodes(status, group)]));
}

/** Adds to the responses of an operation the problems with these codes. */
export function withProblems<T extends object>(responses: T, codes: readonly ErrorCode[]): T {
  return { ...responses, ...problems(...codesIn(responses), ...codes) };
}

/** The codes that responses of an operation may have. */
export const codesIn = (responses: object): ErrorCode[] =>
  Object.values(responses).flatMap((one) => (one as Partial<ProblemResponse>).codes ?? []);

export const LOCATION = { location: { type: 'string', description: 'Path of the resource' } } as const;

export const AdapterPath = Type.Object({
  id: Type.String({ description: 'Id of an adapter', examples: ['ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877'] }),
});
export const JobPath = Type.Object({
  id: Type.String({ description: 'Id of a job', examples: ['job_0194c7e0f3a24f9a1c0e8b7d6a5f4e3d'] }),
});
