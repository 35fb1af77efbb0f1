import type { TensorEntry } from '../../adapter/adapter.ts';
import type { FormatName } from '../../adapter/format-name.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../json/quote.ts';

/** Names that PEFT has too, in files without its prefix. */
const SHARED_WITH_PEFT = /\.lora_(?:(?:embedding_)?[AB]|magnitude_vector)(?:\.|$)/;

/** Names of factors in each format, and of tensors that only its files have; the first match wins. */
const NAMES: readonly (readonly [FormatName, RegExp])[] = [
  ['peft', /^base_model\.model\..+\.lora_/],
  ['kohya', /\.lora_(?:down|up)(?:\.\d+)?(?:\.weight)?$/],
  ['kohya', /^(?:lora_(?:unet|te\d?|transformer|prior_unet)|lycoris)_[^.]+\./],
  ['xlabs', /(?:^|\.)(?:double|single)_blocks\.\d+\.processor\.(?:qkv|proj)_lora[12]?\.(?:down|up)\.weight$/],
  ['cloneofsimo', /^[^:.]+:\d+:(?:up|down)$/],
  ['mlx', /\.lora_[ab](?:\.|$)/],
  ['diffusers', SHARED_WITH_PEFT],
  [
    'diffusers',
    /\.(?:lora|lora_linear_layer|to_(?:q|k|v|out)_lora|add_[qkv]_proj_lora)\.(?:down|up)\.weight$/,
  ],
  // Layers of processors with unknown names: those of FLUX are XLabs'.
  ['xlabs', /(?:^|\.)(?:double|single)_blocks\.\d+\.processor\./],
  ['diffusers', /[._]lora\d?\.(?:down|up)\.|\.lora_linear_layer\./],
];

/** Methods other than LoRA, by the last part of their tensors' names, which the name of an adapter may follow. */
const METHODS: readonly (readonly [method: string, pattern: RegExp, own?: FormatName])[] = [
  ['LoHa or LoKr', /(?:^|\.)(?:hada|lokr)_(?:w[12](?:_[ab])?|t[12])(?:\.[^.]+)?$/, 'kohya'],
  ['OFT', /(?:^|\.)b?oft_/],
  ['Sam_LoRA', /^w_[ab]_\d+$/],
  ['IA3', /(?:^|\.)ia3_l(?:\.[^.]+)?$/],
  ['VeRA', /(?:^|\.)vera_(?:lambda_[bd]|[AB])(?:\.[^.]+)?$/],
  // The other methods of PEFT (peft/tuners, `prefix` and `adapter_layer_names`).
  [
    'another method of PEFT',
    /(?:^|\.)(?:hra_u|fourierft_spectrum|waveft_spectrum|c3a_kernel|(?:bone|miss)_block|road_(?:theta|alpha)|shira_weight|(?:vb|rand|de|gra|poly_)lora_[^.]+)(?:\.[^.]+)?$/,
  ],
];

/**
 * Element types whose numbers mean nothing without another tensor (block-scaled), or that no module has: such a file is
 * a quantised checkpoint, not an adapter.
 */
const UNUSABLE_DTYPES: ReadonlySet<string> = new Set(['F4', 'F6_E2M3', 'F6_E3M2', 'F8_E8M0', 'C64']);

/** The format that a tensor of this name belongs to; undefined if it belongs to none. */
export const formatOfName = (name: string): FormatName | undefined =>
  NAMES.find(([, pattern]) => pattern.test(name))?.[0];

/** Whether a tensor of this name is part of an adapter in any format or method, and not a head, norm or embedding. */
export const isOfAdapter = (name: string): boolean =>
  formatOfName(name) !== undefined || METHODS.some(([, pattern]) => pattern.test(name));

/**
 * The other format, or the method other than LoRA, that a tensor of this name belongs to, in words.
 * undefined for names of the format itself and for heads, norms and embeddings.
 */
export function foreignFormatOf(format: FormatName, name: string): string | undefined {
  const other = formatOfName(name);
  if (other === format || (format === 'peft' && SHARED_WITH_PEFT.test(name))) return undefined;
  if (other !== undefined) return `the format ${other}`;
  return METHODS.find(([, pattern, own]) => own !== format && pattern.test(name))?.[0];
}

/** Refuses tensors of two formats, because half an adapter must not count as a whole one. @throws AppError FORMAT_MIXED */
export function refuseForeign(format: FormatName, tensor: TensorEntry): void {
  const what = foreignFormatOf(format, tensor.name);
  if (what !== undefined) throw mixedFormats(format, tensor, what);
}

/** @param what of {@link foreignFormatOf} */
export const mixedFormats = (format: FormatName, { name }: TensorEntry, what: string): AppError =>
  new AppError(
    'FORMAT_MIXED',
    `Tensor ${quote(name)} belongs to ${what}, but other tensors belong to the format ${format}.`,
    { tensor: name, format },
  );

/** Refuses a tensor of a dtype that no adapter has. @throws AppError UNSUPPORTED_DTYPE */
export function refuseUnusable({ name, dtype }: TensorEntry): void {
  if (!UNUSABLE_DTYPES.has(dtype)) return;
  throw new AppError(
    'UNSUPPORTED_DTYPE',
    `Tensor ${quote(name)} has dtype ${dtype}, which tensors of an adapter cannot have.`,
    { tensor: name, dtype },
  );
}
