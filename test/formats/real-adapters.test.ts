import assert from 'node:assert/strict';
import { readdir, readFile, stat } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Adapter } from '../../src/adapter/adapter.ts';
import { readPeft } from '../../src/formats/peft/read-peft.ts';
import { planPeftOutput } from '../../src/formats/peft/write-peft.ts';
import { readAdapter } from '../../src/formats/read-adapter.ts';
import { summarise } from '../../src/formats/summary.ts';
import { parseHeader } from '../../src/safetensors/header.ts';
import { layOut } from '../../src/safetensors/layout.ts';
import { type ConfigFile, peftModule } from './peft/peft-oracle.ts';

const FOLDER = new URL('../fixtures/adapters/', import.meta.url);
const names = (await readdir(FOLDER)).filter((name) => name.startsWith('peft-')).sort();

/** From the SOURCES.md of the fixtures, and from the files themselves with JSON.parse. */
const EXPECTED: Readonly<Record<string, { modules: number; passthrough: number; baseModel: string | null }>> =
  {
    'peft-gpt2-deepbiolab': { modules: 36, passthrough: 1, baseModel: 'gpt2' },
    'peft-gpt2-mycguo': { modules: 36, passthrough: 0, baseModel: 'gpt2' },
    'peft-gpt2-niket': { modules: 6, passthrough: 0, baseModel: 'distilgpt2' },
    'peft-mountain': { modules: 36, passthrough: 0, baseModel: null },
    'peft-sd-skinlesion': { modules: 128, passthrough: 0, baseModel: null },
  };

interface Files {
  readonly weightsPath: string;
  readonly configBytes: Uint8Array;
  readonly config: ConfigFile;
  /** The header as JSON.parse reads it. */
  readonly header: Readonly<
    Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>
  >;
  readonly dataBegin: number;
}

async function filesOf(name: string): Promise<Files> {
  const weightsPath = fileURLToPath(new URL(`${name}/adapter_model.safetensors`, FOLDER));
  const configBytes = await readFile(new URL(`${name}/adapter_config.json`, FOLDER));
  const bytes = await readFile(weightsPath);
  const dataBegin = 8 + Number(bytes.readBigUInt64LE());
  const { __metadata__: _, ...header } = JSON.parse(bytes.subarray(8, dataBegin).toString()) as Record<
    string,
    never
  >;
  return {
    weightsPath,
    configBytes,
    config: JSON.parse(String(configBytes)) as ConfigFile,
    header,
    dataBegin,
  };
}

async function read(name: string): Promise<{ files: Files; adapter: Adapter }> {
  const files = await filesOf(name);
  return {
    files,
    adapter: (await readAdapter({ weightsPath: files.weightsPath, configBytes: files.configBytes })).adapter,
  };
}

describe('real adapters', () => {
  it('are complete', () => assert.deepEqual(names, Object.keys(EXPECTED)));

  for (const name of names) {
    it(`${name}: every tensor is found at its offset`, async () => {
      const { files, adapter } = await read(name);
      const entries = [...adapter.modules.flatMap(({ a, b }) => [a, b]), ...adapter.passthrough];
      assert.equal(entries.length, Object.keys(files.header).length);
      for (const { name: tensor, dtype, shape, beginByte, endByte } of entries) {
        const { dtype: wantedDtype, shape: wantedShape, data_offsets } = files.header[tensor]!;
        assert.deepEqual([dtype, shape], [wantedDtype, wantedShape]);
        assert.deepEqual([beginByte - files.dataBegin, endByte - files.dataBegin], data_offsets);
      }
    });

    it(`${name}: modules, ranks and scales are those of PEFT`, async () => {
      const { files, adapter } = await read(name);
      const { config, header } = files;
      assert.equal(adapter.modules.length, EXPECTED[name]!.modules);
      for (const { name: module, rank, scale, m, n, kind } of adapter.modules) {
        const a = header[`base_model.model.${module}.lora_A.weight`]!;
        const b = header[`base_model.model.${module}.lora_B.weight`]!;
        assert.deepEqual({ rank, scale }, peftModule(config, module));
        assert.deepEqual([kind, [rank, n], [m, rank]], ['linear', a.shape, b.shape]);
        assert.equal(scale, config.lora_alpha / config.r);
      }
      assert.deepEqual(adapter.config, config);
      assert.deepEqual([...adapter.metadata], [['format', 'pt']]);
    });

    it(`${name}: the summary is right`, async () => {
      const { files, adapter } = await read(name);
      const { modules, passthrough, baseModel } = EXPECTED[name]!;
      const { size: bytes } = await stat(files.weightsPath);
      const carried = adapter.passthrough.reduce(
        (sum, { beginByte, endByte }) => sum + endByte - beginByte,
        0,
      );
      const { size, ...summary } = summarise(adapter);
      assert.deepEqual(size[0], {
        what: 'lora',
        tensors: 2 * modules,
        bytes: bytes - files.dataBegin - carried,
      });
      assert.deepEqual(summary, {
        format: 'peft',
        base_model: baseModel,
        modules,
        ranks: { min: files.config.r, max: files.config.r },
        alpha: files.config.lora_alpha,
        dtypes: ['F32'],
        // all float32, so the size of the file gives the count of numbers
        parameters: (bytes - files.dataBegin - carried) / 4,
        passthrough_tensors: passthrough,
        warnings: [],
      });
    });

    it(`${name}: can be planned, written and read again at rank 2, folded and kept`, async () => {
      const { adapter } = await read(name);
      const plans = adapter.modules.map(
        (module) => ({ module, rank: 2, dtypeA: 'F16', dtypeB: 'F16' }) as const,
      );
      for (const scale of ['fold', 'keep'] as const) {
        const output = planPeftOutput(adapter, plans, { scale, provenance: new Map([['made', 'x']]) });
        const { headerBytes, totalBytes } = layOut(output.tensors, output.metadata);
        const header = parseHeader(headerBytes.subarray(8), totalBytes);
        const again = readPeft(header, output.files.get('adapter_config.json')!).adapter;
        assert.deepEqual(
          again.modules.map(({ name: module, rank, scale: s, m, n, a }) => [module, rank, s, m, n, a.dtype]),
          adapter.modules.map(({ name: module, scale: s, m, n }) => [
            module,
            2,
            scale === 'fold' ? 1 : s,
            m,
            n,
            'F16',
          ]),
        );
        assert.deepEqual(
          again.passthrough.map(({ name: tensor, dtype, shape }) => [tensor, dtype, shape]),
          adapter.passthrough.map(({ name: tensor, dtype, shape }) => [tensor, dtype, shape]),
        );
        assert.deepEqual([...again.metadata.keys()], ['format', 'made']);
      }
    });
  }

  it('show the trainer of LoRA files that are not PEFT', async () => {
    const { configBytes } = await filesOf('peft-gpt2-niket');
    const { headerBytes, totalBytes } = layOut([{ name: 'w_a_0', dtype: 'F32', shape: [4, 8] }], new Map());
    assert.throws(() => readPeft(parseHeader(headerBytes.subarray(8), totalBytes), configBytes), /Sam_LoRA/);
  });
});
