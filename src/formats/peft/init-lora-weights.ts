/**
 * PEFT's `init_lora_weights` is how the factors were initialised. It also matters after training: PEFT initialises them
 * again when it loads an adapter, before it fills in the trained factors, and some initialisations also change the
 * weights of the base model, in a way that depends on the rank.
 */

/**
 * Initialisations that subtract the initial factors from the base weights, or quantise these (loftq); spelled as PEFT
 * compares them (peft/tuners/lora/layer.py, `update_layer`).
 */
const CHANGES_BASE = /^(?:pissa|corda|olora$|loftq$|lora_ga$)/i;

/** Fields that only configure an initialisation, with the value that means "none". */
const INIT_FIELDS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['loftq_config', {}],
  ['eva_config', null],
  ['corda_config', null],
  ['lora_ga_config', null],
]);

/** Whether the factors of a file trained from this initialisation do not belong to the original base model. */
export function changesBaseWeights(init: unknown): boolean {
  return typeof init === 'string' && CHANGES_BASE.test(init);
}

/**
 * Changes to a configuration so that loading it initialises nothing from data. At the new rank, PiSSA and similar methods
 * would subtract another part from the base weights than training did; "orthogonal" fails for odd ranks; EVA and CorDA
 * need statistics that are not available; PEFT refuses unknown names. `true` and "gaussian" only set factors that the
 * file overwrites; `true` is PEFT's default.
 */
export function harmlessInit(fields: Readonly<Record<string, unknown>>): Map<string, unknown> {
  const init = fields.init_lora_weights;
  const changes = new Map<string, unknown>();
  if (typeof init !== 'string' || init === 'gaussian') return changes;
  changes.set('init_lora_weights', true);
  for (const [field, none] of INIT_FIELDS) if (Object.hasOwn(fields, field)) changes.set(field, none);
  return changes;
}
