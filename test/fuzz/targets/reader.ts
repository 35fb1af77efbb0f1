import { assertAdapter, assertNoPollution, checkRefusal } from '../invariants.ts';
import { readBytes } from '../read-bytes.ts';

const CONFIG = Buffer.from('{"peft_type":"LORA","r":4,"lora_alpha":8}');

/** A weights file of any format, read into an adapter, with and without PEFT's configuration. */
export async function fuzz(data: Buffer): Promise<void> {
  for (const config of [null, CONFIG]) {
    try {
      assertAdapter(await readBytes(data, config), data.length);
    } catch (error) {
      checkRefusal(error);
    }
  }
  assertNoPollution();
}
