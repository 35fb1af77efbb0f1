import type { StreamValidator } from '../../bytes/stream-validator.ts';
import { GGUF_MAGIC, GgufValidator } from '../../gguf/gguf-validator.ts';
import { SafetensorsValidator } from '../../safetensors/safetensors-validator.ts';

/**
 * Refuses weights of any format as early as their bytes allow. Files that begin like a GGUF file must be one; all
 * others must be safetensors.
 */
export class WeightsValidator implements StreamValidator {
  readonly #first = new Uint8Array(GGUF_MAGIC.length);
  #firstBytes = 0;
  /** Known once the first bytes have arrived. */
  #chosen: StreamValidator | undefined;

  /** @throws AppError as SafetensorsValidator.push and GgufValidator.push */
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

  /** @throws AppError as SafetensorsValidator.finish and GgufValidator.finish */
  finish(totalBytes: number): void {
    (this.#chosen ?? this.#choose()).finish(totalBytes);
  }

  #choose(): StreamValidator {
    const isGguf = Buffer.compare(this.#first, GGUF_MAGIC) === 0;
    const validator = isGguf ? new GgufValidator() : new SafetensorsValidator();
    validator.push(this.#first.subarray(0, this.#firstBytes));
    this.#chosen = validator;
    return validator;
  }
}
