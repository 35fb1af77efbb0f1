import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  getLlama,
  type Llama,
  LlamaLogLevel,
  type LlamaModel,
  NoBinaryFoundError,
  type Token,
} from 'node-llama-cpp';

/** Arbitrary tokens that the models have. */
const TEXT = [3, 17, 142, 88, 51, 229, 60, 5] as unknown as readonly Token[];

/** An adapter in the form that llama.cpp expects. */
export interface Applied {
  readonly file: Uint8Array;
  readonly scale: number;
}

/** llama.cpp on the processor, from the library that node-llama-cpp includes. */
export class LlamaCpp {
  readonly #folder = mkdtempSync(join(tmpdir(), 'engine-'));
  readonly #llama: Llama;
  #files = 0;

  private constructor(llama: Llama) {
    this.#llama = llama;
  }

  /** @returns null if there is no library for this machine; any other error is thrown */
  static async start(): Promise<LlamaCpp | null> {
    try {
      return new LlamaCpp(
        await getLlama({
          gpu: false,
          build: 'never',
          skipDownload: true,
          progressLogs: false,
          logLevel: LlamaLogLevel.error,
        }),
      );
    } catch (error) {
      if (error instanceof NoBinaryFoundError) return null;
      throw error;
    }
  }

  /** Loads a model and asks it. */
  async with<T>(file: Uint8Array, use: (model: LlamaModel) => Promise<T>): Promise<T> {
    const model = await this.#llama.loadModel({ modelPath: this.#write(file), gpuLayers: 0 });
    try {
      return await use(model);
    } finally {
      await model.dispose();
    }
  }

  /**
   * The probability of each token to come next, after each beginning of a text: the distributions one after
   * the other. Keys and values are kept in float32, because the default, float16, would hide the adapter's
   * own rounding.
   */
  async probabilities(model: LlamaModel, adapter?: Applied): Promise<Float64Array> {
    const context = await model.createContext({
      contextSize: 32,
      threads: 1,
      flashAttention: false,
      experimentalKvCacheKeyType: 'F32',
      experimentalKvCacheValueType: 'F32',
      ...(adapter
        ? { lora: { adapters: [{ filePath: this.#write(adapter.file), scale: adapter.scale }] } }
        : {}),
    });
    try {
      const asked = TEXT.map(
        (token) => [token, { generateNext: { probabilities: true } }] as [Token, object],
      );
      const answers = await context.getSequence().controlledEvaluate(asked);
      return Float64Array.from(
        answers.flatMap((answer) => {
          const { probabilities } = answer!.next;
          return Array.from(probabilities!.keys())
            .sort((x, y) => x - y)
            .map((token) => probabilities!.get(token)!);
        }),
      );
    } finally {
      await context.dispose();
    }
  }

  async close(): Promise<void> {
    await this.#llama.dispose();
    rmSync(this.#folder, { recursive: true });
  }

  #write(file: Uint8Array): string {
    const path = join(this.#folder, `${this.#files++}.gguf`);
    writeFileSync(path, file);
    return path;
  }
}
