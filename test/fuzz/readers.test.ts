import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from '../fast-check.ts';
import { keyValuesOf } from '../formats/gguf/build.ts';
import { buildGguf, type GgufTensor, TYPE } from '../gguf/gguf-file.ts';
import { damaged, damages } from './damage.ts';
import {
  adalora,
  cloneofsimo,
  type Dialect,
  diffusers,
  kohya,
  loha,
  lokr,
  mlx,
  peft,
  xlabs,
} from './dialects.ts';
import { changed, changes, fileOf, type Site, sites } from './generated-files.ts';
import { assertAdapter, assertNoPollution, checkRefusal } from './invariants.ts';
import { readBytes } from './read-bytes.ts';
import { runsOf } from './runs.ts';

/** A byte of which all data consists: zero, tiny, about one, huge, NaN. */
const fill = fc.constantFrom(0x00, 0x01, 0x3f, 0x7f, 0xff);
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

const alphaOrScale = fc.oneof(
  fc.integer({ min: -1, max: 16 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
/** The ranks of the modules, as patterns of their names in files of PEFT. */
const ranksByName = (list: readonly Site[]): Record<string, number> =>
  Object.fromEntries(
    list.map((site) => {
      const name = peft(site)[0]!.name.split('.lora_')[0]!;
      return [name.replace('base_model.model.', '^').replaceAll('.', '\\.'), site.rank];
    }),
  );
const ofMethod = (peft_type: string) =>
  alphaOrScale.map(
    (alpha) => (list: readonly Site[]) =>
      json({ peft_type, r: list[0]?.rank, alpha, rank_pattern: ranksByName(list) }),
  );

/** Configurations of the format. That of PEFT states the ranks of the modules. */
const CONFIGS: Readonly<Record<string, fc.Arbitrary<(list: readonly Site[]) => Buffer | null>>> = {
  peft: fc.tuple(alphaOrScale, fc.boolean()).map(([lora_alpha, use_rslora]) => (list: readonly Site[]) => {
    const rank_pattern = ranksByName(list);
    const use_dora = list.some(({ style }) => style === 6);
    return json({ peft_type: 'LORA', r: list[0]?.rank, lora_alpha, use_rslora, use_dora, rank_pattern });
  }),
  'peft of LoHa': ofMethod('LOHA'),
  'peft of LoKr': ofMethod('LOKR'),
  'peft of AdaLoRA': alphaOrScale.map((lora_alpha) => (list: readonly Site[]) => {
    const kept = list.map((site) => [
      adalora(site)[2]!.name.replace('base_model.model.', ''),
      Array.from({ length: site.rank }, () => true),
    ]);
    return json({ peft_type: 'ADALORA', init_r: 4, lora_alpha, rank_pattern: Object.fromEntries(kept) });
  }),
  mlx: fc.record({ scale: alphaOrScale }).map((lora_parameters) => (list: readonly Site[]) => {
    const fine_tune_type = list.some(({ style }) => style === 6) ? 'dora' : 'lora';
    return json({ fine_tune_type, lora_parameters });
  }),
};
const none = fc.constant(() => null);

async function check(bytes: Buffer, config: Buffer | null): Promise<string | undefined> {
  try {
    const result = await readBytes(bytes, config);
    assertAdapter(result, bytes.length);
    return result.adapter.format;
  } catch (error) {
    checkRefusal(error);
    return undefined;
  }
}

/** By format, and by the kind of adapter if that is not plain LoRA. */
const DIALECTS: Readonly<Record<string, Dialect>> = {
  peft,
  'peft of LoHa': loha,
  'peft of LoKr': lokr,
  'peft of AdaLoRA': adalora,
  kohya,
  diffusers,
  xlabs,
  cloneofsimo,
  mlx,
};
const tensorsOf = (dialect: Dialect, list: readonly Site[]) => list.flatMap((site) => dialect(site));
const ranksOf = (list: readonly Site[]): Record<string, string> =>
  Object.fromEntries(
    list.flatMap(({ path, rank }) =>
      ['unet', 'text_encoder'].map((model) => [`${model}:${path}:rank`, String(rank)]),
    ),
  );

describe('readers', () => {
  for (const [format, dialect] of Object.entries(DIALECTS)) {
    it(`of ${format} refuse a generated file, or return a consistent adapter`, async (t) => {
      let accepted = 0;
      const config = fc.oneof({ weight: 9, arbitrary: CONFIGS[format] ?? none }, none);
      await fc.assert(
        fc.asyncProperty(sites, changes, fill, config, async (list, change, byte, configOf) => {
          const file = fileOf(changed(tensorsOf(dialect, list), change), byte, ranksOf(list));
          if ((await check(file, configOf(list))) === format.split(' ')[0]) accepted++;
        }),
        runsOf(t, 2_000),
      );
      t.diagnostic(`${accepted} accepted`);
      assert.ok(accepted > 200, `${accepted}`);
      assertNoPollution();
    });
  }

  it('of a mixture of all formats refuse it, or return a consistent adapter', async (t) => {
    const parts = fc.array(fc.tuple(fc.constantFrom(...Object.values(DIALECTS)), sites), {
      minLength: 1,
      maxLength: 3,
    });
    const config = fc.oneof(CONFIGS.peft!, CONFIGS.mlx!, none);
    await fc.assert(
      fc.asyncProperty(parts, changes, fill, config, async (mixture, change, byte, configOf) => {
        const tensors = mixture.flatMap(([dialect, list]) => tensorsOf(dialect, list));
        await check(fileOf(changed(tensors, change), byte), configOf(mixture[0]![1]));
      }),
      runsOf(t, 1_500),
    );
    assertNoPollution();
  });

  it('of GGUF refuse a generated file, or return a consistent adapter', async (t) => {
    let accepted = 0;
    const extra = fc.constantFrom(
      [],
      [['general.alignment', TYPE.u32, 64] as const],
      [['adapter.lora.task_name', TYPE.str, 'x'] as const],
    );
    const alpha = fc.oneof(
      fc.constant(null),
      fc.constantFrom(0, 8, -1, Number.NaN, Number.POSITIVE_INFINITY),
    );
    await fc.assert(
      fc.asyncProperty(
        sites,
        fc.oneof(fc.constant([]), damages()),
        alpha,
        extra,
        async (list, harm, some, more) => {
          const tensors = [...new Map(list.flatMap(ggufPair).map((one) => [one.name, one])).values()];
          const alignment = more.length > 0 && more[0]![0] === 'general.alignment' ? 64 : 32;
          const file = buildGguf({ keyValues: keyValuesOf(some, more), tensors, alignment });
          if ((await check(damaged(file, harm), null)) === 'gguf') accepted++;
        },
      ),
      runsOf(t, 2_000),
    );
    t.diagnostic(`${accepted} accepted`);
    assert.ok(accepted > 200, `${accepted}`);
    assertNoPollution();
  });
});

function ggufPair({ path, style, rank, m, n }: Site): GgufTensor[] {
  const name = ['token_embd', 'blk.0.attn_q', 'blk.1.ffn_up', 'output', 'blk.2.ffn_gate_exps', 'x'][path]!;
  const type = (['F32', 'F16', 'BF16', 'Q8_0'] as const)[style % 4]!;
  const columns = type === 'Q8_0' ? 32 : n;
  const experts = path === 4 ? [2] : [];
  const isEmbedding = path === 0;
  return [
    {
      name: `${name}.weight.lora_a`,
      ne: isEmbedding ? [rank, n] : [columns, rank, ...experts],
      type: isEmbedding ? 'F32' : type,
    },
    { name: `${name}.weight.lora_b`, ne: [rank, m, ...experts], type: 'F32' },
  ];
}
