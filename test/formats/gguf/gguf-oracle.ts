import { parseGguf } from '../../gguf/gguf-file.ts';
import { matrix, transpose } from '../../oracle/linear-algebra.ts';
import type { OracleAdapter, OracleModule } from '../../oracle/peft-adapter.ts';
import { decodeTensor } from '../../oracle/safetensors.ts';

/**
 * Reads a LoRA of llama.cpp as llama.cpp applies it (llama-adapter.h, `get_scale`; llama-graph.cpp,
 * `build_lora_mm` and `build_inp_embd`). Modules of experts are named "path#e".
 */
export function parseGgufAdapter(file: Uint8Array): OracleAdapter {
  const { keyValues, tensors } = parseGguf(file);
  if (keyValues.get('general.type')?.value !== 'adapter') throw new Error('llama.cpp would not load it');
  if (keyValues.get('adapter.type')?.value !== 'lora') throw new Error('llama.cpp would not load it');
  const alpha = Number(keyValues.get('adapter.lora.alpha')?.value ?? 0);
  const modules = new Map<string, OracleModule>();
  for (const [name, a] of tensors) {
    const path = /^(.+)\.weight\.lora_a$/.exec(name)?.[1];
    if (path === undefined) continue;
    const nameB = `${path}.weight.lora_b`;
    const b = tensors.get(nameB)!;
    const rank = b.shape.at(-1)!;
    const scale = alpha ? alpha / rank : 1;
    const [numbersA, numbersB] = [numbersOf(a), numbersOf(b)];
    const count = b.shape.length === 3 ? b.shape[0]! : 1;
    const [sizeA, sizeB] = [numbersA.length / count, numbersB.length / count];
    for (let e = 0; e < count; e++) {
      const partA = numbersA.subarray(e * sizeA, (e + 1) * sizeA);
      modules.set(b.shape.length === 3 ? `${path}#${e}` : path, {
        a:
          path === 'token_embd'
            ? transpose(matrix(sizeA / rank, rank, partA))
            : matrix(rank, sizeA / rank, partA),
        b: matrix(sizeB / rank, rank, numbersB.subarray(e * sizeB, (e + 1) * sizeB)),
        rank,
        scale,
        dtype: b.dtype,
        tensorNames: [name, nameB],
      });
    }
  }
  return {
    config: Object.fromEntries(keyValues),
    metadata: {},
    modules: new Map([...modules].sort(([x], [y]) => (x < y ? -1 : 1))),
    passthrough: new Map([...tensors].filter(([name]) => !/\.lora_[ab]$/.test(name))),
  };
}

function numbersOf({
  dtype,
  shape,
  bytes,
}: {
  dtype: string;
  shape: readonly number[];
  bytes: Uint8Array;
}): Float64Array {
  if (dtype !== 'Q8_0') return decodeTensor({ dtype, shape, bytes });
  const blocks = Array.from({ length: bytes.length / 34 }, (_, i) => bytes.subarray(34 * i, 34 * (i + 1)));
  return Float64Array.from(
    blocks.flatMap((block) => {
      const [scale] = decodeTensor({ dtype: 'F16', shape: [1], bytes: block.subarray(0, 2) });
      return Array.from(Int8Array.from(block.subarray(2)), (value) => scale! * value);
    }),
  );
}
