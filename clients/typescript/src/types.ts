import type { components, paths } from './contract.d.ts';

/** An HTTP method, in the form that `request()` takes. */
export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE' | 'PATCH' | 'HEAD' | 'OPTIONS';

/** The paths of the contract that support a method. */
export type PathOf<M extends Method> = {
  [P in keyof paths]: paths[P] extends { [_ in Lowercase<M>]: { responses: unknown } } ? P : never;
}[keyof paths];

/** An operation of the contract. */
export type OperationOf<P extends string, M extends Method> = P extends keyof paths
  ? paths[P] extends { [_ in Lowercase<M>]: infer O }
    ? O
    : never
  : never;

type Success = 200 | 201 | 202 | 206;
type ContentOf<R> = R extends { content: infer C } ? C[keyof C] : undefined;
type SuccessOf<O> = O extends { responses: infer R }
  ? keyof R & Success extends never
    ? undefined
    : { [S in keyof R & Success]: ContentOf<R[S]> }[keyof R & Success]
  : never;

/**
 * The successful answer of a call of the contract: JSON as its type, text as a string, everything else as a Blob, and
 * undefined if there is no body.
 */
export type ResponseOf<P extends string, M extends Method> = SuccessOf<OperationOf<P, M>>;

type ParameterOf<O, K extends 'path' | 'query'> = O extends { parameters: { [_ in K]?: infer T } }
  ? Exclude<T, undefined>
  : never;
type RequestContentOf<O> = O extends { requestBody?: { content: infer C } }
  ? C
  : O extends { requestBody: { content: infer C } }
    ? C
    : never;
type PartOf<C, T extends string> = C extends { [_ in T]: infer B } ? B : never;

/** The body of a call as JSON. */
export type BodyOf<P extends string, M extends Method> = PartOf<
  RequestContentOf<OperationOf<P, M>>,
  'application/json'
>;

/** The query of a call. */
export type QueryOf<P extends string, M extends Method = 'GET'> = ParameterOf<OperationOf<P, M>, 'query'>;

/** The items of a list. */
export type ItemOf<P extends string> =
  ResponseOf<P, 'GET'> extends { data: readonly (infer T)[] } ? T : never;

type Field<K extends string, T> = [T] extends [never]
  ? unknown
  : unknown extends T
    ? unknown
    : Partial<T> extends T
      ? { readonly [_ in K]?: T }
      : { readonly [_ in K]: T };

/** Options of every call. */
export interface CallOptions {
  /** Ends the call: it throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** How long it may take with all its retries, before it throws DEADLINE_EXCEEDED. Default: the client's setting. */
  readonly timeoutMs?: number | undefined;
}

/** Options of a call that creates something. */
export interface CreateOptions extends CallOptions {
  /** Calls with the same key take effect once. By default each call has its own key. */
  readonly idempotencyKey?: string | undefined;
}

/** Arguments of `request()` besides method and path, as the contract defines them for that call. */
export type RequestOptions<P extends string, M extends Method> = CreateOptions & {
  readonly headers?: Readonly<Record<string, string>>;
  /** The body of a call that takes bytes instead of JSON. */
  readonly content?: Blob | Uint8Array | string | ReadableStream<Uint8Array>;
} & Field<'path', ParameterOf<OperationOf<P, M>, 'path'>> &
  Field<'query', ParameterOf<OperationOf<P, M>, 'query'>> &
  Field<'body', PartOf<RequestContentOf<OperationOf<P, M>>, 'application/json'>> &
  Field<'form', PartOf<RequestContentOf<OperationOf<P, M>>, 'multipart/form-data'>>;

export type Adapter = ResponseOf<'/v1/adapters/{id}', 'GET'>;
export type AdapterModules = ResponseOf<'/v1/adapters/{id}/modules', 'GET'>;
export type AdapterChange = BodyOf<'/v1/adapters/{id}', 'PATCH'>;
export type Job = ResponseOf<'/v1/jobs/{id}', 'GET'>;
export type JobRequest = BodyOf<'/v1/jobs', 'POST'>;
export type JobChange = BodyOf<'/v1/jobs/{id}', 'PATCH'>;
export type JobState = Job['state'];
export type JobResult = Job['results'][number];
export type SucceededResult = Extract<JobResult, { state: 'succeeded' }>;
export type Progress = components['schemas']['Progress'];
/** Progress with the number of the attempt, in the form that events have. */
export type JobProgress = components['schemas']['JobProgress'];
export type JobForecast = components['schemas']['JobForecast'];
export type Artifact = ItemOf<'/v1/jobs/{id}/artifacts'>;
export type Figure = NonNullable<QueryOf<'/v1/jobs/{id}/report.svg'>['figure']>;
export type Report = components['schemas']['Report'];
export type SqueezeRequest = Extract<JobRequest, { kind: 'squeeze' }>;
export type MergeRequest = Extract<JobRequest, { kind: 'merge' }>;
export type AnalyzeRequest = Extract<JobRequest, { kind: 'analyze' }>;
export type Target = SqueezeRequest['targets'][number];
export type Batch = ResponseOf<'/v1/batches/{id}', 'GET'>;
export type BatchRequest = BodyOf<'/v1/batches', 'POST'>;
export type BatchChange = BodyOf<'/v1/batches/{id}', 'PATCH'>;
export type BatchItem = ItemOf<'/v1/batches/{id}/items'>;
export type BatchResultLine = ResponseOf<'/v1/batches/{id}/results', 'GET'>;
export type Upload = ResponseOf<'/v1/uploads/{id}', 'GET'>;
export type Run = ResponseOf<'/v1/runs/{id}', 'GET'>;
export type RunSummary = ItemOf<'/v1/runs'>;
export type Schedule = ResponseOf<'/v1/schedules', 'POST'>;
export type ScheduleRequest = BodyOf<'/v1/schedules', 'POST'>;
export type RunRequest = BodyOf<'/v1/runs', 'POST'>;
export type Checkpoint = ResponseOf<'/v1/runs/{id}/checkpoints/{step}', 'GET'>;
export type Connection = ResponseOf<'/v1/connections/{name}', 'GET'>;
export type ConnectionRequest = BodyOf<'/v1/connections', 'POST'>;
export type ConnectionChange = BodyOf<'/v1/connections/{name}', 'PATCH'>;
export type Tenant = components['schemas']['Tenant'];
export type TenantRequest = BodyOf<'/v1/tenants/{id}', 'PUT'>;
export type TenantSummary = ItemOf<'/v1/tenants'>;
export type TenantWithUsage = ResponseOf<'/v1/tenants/{id}', 'GET'>;
export type TenantCancellation = components['schemas']['TenantCancellation'];
export type Usage = ResponseOf<'/v1/usage', 'GET'>;
export type Worker = ItemOf<'/v1/workers'>;
export type Capabilities = ResponseOf<'/v1/capabilities', 'GET'>;
/** A problem document (RFC 9457), the form of the service's errors. */
export type Problem = components['schemas']['Problem'];
