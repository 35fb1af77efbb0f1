/** The only module that imports onnxruntime-node; everything specific to it stays in this file. */
import * as runtime from 'onnxruntime-node';

// All errors are thrown as well; the runtime's own lines on stderr would break the log's format.
runtime.env.logLevel = 'fatal';

export type ProviderName = 'cpu' | 'cuda';

export const ORT_VERSION: string = runtime.env.versions.node ?? runtime.env.versions.common;

/** A tensor as we pass it to the runtime: its data is read or owned, never shared with the runtime. */
export type TensorData =
  | { readonly type: 'float32'; readonly data: Float32Array; readonly dims: readonly number[] }
  | { readonly type: 'float64'; readonly data: Float64Array; readonly dims: readonly number[] }
  | { readonly type: 'int64'; readonly data: BigInt64Array; readonly dims: readonly number[] };

export const float32 = (data: Float32Array, dims: readonly number[]): TensorData => ({
  type: 'float32',
  data,
  dims,
});
export const float64 = (data: Float64Array, dims: readonly number[]): TensorData => ({
  type: 'float64',
  data,
  dims,
});
export const float64Scalar = (value: number): TensorData => float64(Float64Array.of(value), []);
export const int64 = (value: number): TensorData => ({
  type: 'int64',
  data: BigInt64Array.of(BigInt(value)),
  dims: [],
});

/** A graph ready to run on the calling thread. */
export class Session {
  readonly #session: runtime.InferenceSession;

  private constructor(session: runtime.InferenceSession) {
    this.#session = session;
  }

  /**
   * Uses one thread without spinning: we run modules in parallel instead of using threads inside small products, so
   * the order of summation does not depend on the machine.
   * @throws Error of the runtime if the provider cannot be loaded or the model is not valid
   */
  static async create(model: Uint8Array, provider: ProviderName): Promise<Session> {
    const session = await runtime.InferenceSession.create(model, {
      executionProviders: [provider],
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      // 3 means errors. The optimizer would warn about every constant that it folds away.
      logSeverityLevel: 3,
    });
    return new Session(session);
  }

  /** Runs the graph; blocks the thread. Outputs belong to the caller. */
  async run(inputs: Readonly<Record<string, TensorData>>): Promise<Outputs> {
    const feeds: Record<string, runtime.Tensor> = {};
    for (const [name, { type, data, dims }] of Object.entries(inputs)) {
      feeds[name] = new runtime.Tensor(type, data as Float64Array, dims);
    }
    return new Outputs(await this.#session.run(feeds));
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}

/** Outputs of a run, by name. */
export class Outputs {
  readonly #values: runtime.InferenceSession.OnnxValueMapType;

  constructor(values: runtime.InferenceSession.OnnxValueMapType) {
    this.#values = values;
  }

  float32(name: string): Float32Array {
    return this.#data(name) as Float32Array;
  }

  float64(name: string): Float64Array {
    return this.#data(name) as Float64Array;
  }

  double(name: string): number {
    return this.float64(name)[0]!;
  }

  #data(name: string): unknown {
    const tensor = this.#values[name] as runtime.Tensor | undefined;
    if (!tensor) throw new Error(`The graph has no output ${name}`);
    return tensor.data;
  }
}
