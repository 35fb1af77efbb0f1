import { assertAdapter, assertNoPollution, checkRefusal } from '../invariants.ts';
import { readBytes } from '../read-bytes.ts';

/** Of PEFT's LoRA and of the methods that become LoRA, and of MLX. */
const CONFIGS = [
  { peft_type: 'LORA', r: 4, lora_alpha: 8 },
  { peft_type: 'ADALORA', init_r: 4, lora_alpha: 8 },
  { peft_type: 'LOHA', r: 4, alpha: 8 },
  { peft_type: 'LOKR', r: 4, alpha: 8 },
  { fine_tune_type: 'lora', lora_parameters: { scale: 2 } },
].map((config) => Buffer.from(JSON.stringify(config)));

/** A weights file of any format, read into an adapter, without a configuration and with each. */
export async function fuzz(data: Buffer): Promise<void> {
  for (const config of [null, ...CONFIGS]) {
    try {
      assertAdapter(await readBytes(data, config), data.length);
    } catch (error) {
      checkRefusal(error);
    }
  }
  assertNoPollution();
}
