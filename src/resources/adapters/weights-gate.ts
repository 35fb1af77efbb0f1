import type { Gate } from '../../bytes/gate.ts';
import { GGUF_MAGIC, GgufGate } from '../../gguf/gguf-gate.ts';
import { HeaderGate } from '../../safetensors/header-gate.ts';

/**
 * Refuses weights of any format as early as their bytes allow. Files that begin like a GGUF file must be one; all
 * others must be safetensors.
 */
export class AnyWeightsGate implements Gate {
  readonly #first = new Uint8Array(GGUF_MAGIC.length);
  #firstBytes = 0;
  /** Known once the first bytes have arrived. */
  #chosen: Gate | undefined;

  /** @throws AppError as HeaderGate.push and GgufGate.push */
  push(chunk: Uint8Array): void {
    if (this.#chosen) {
      this.#chosen.push(chunk);
      return;
    }
    const taken = chunk.subarray(0, this.#first.length - this.#firstBytes);
    this.#first.set(taken, this.#firstBytes);
    this.#firstBytes += taken.length;
    if (this.#firstBytes < this.#first.length) return;
    this.#choose().push(chunk.subarray(taken.length));
  }

  /** @throws AppError as HeaderGate.finish and GgufGate.finish */
  finish(totalBytes: number): void {
    (this.#chosen ?? this.#choose()).finish(totalBytes);
  }

  #choose(): Gate {
    const isGguf = Buffer.compare(this.#first, GGUF_MAGIC) === 0;
    const gate = isGguf ? new GgufGate() : new HeaderGate();
    gate.push(this.#first.subarray(0, this.#firstBytes));
    this.#chosen = gate;
    return gate;
  }
}
