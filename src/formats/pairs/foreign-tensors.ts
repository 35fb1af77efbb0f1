import type { TensorEntry } from '../../adapter/adapter.ts';
import type { FormatName } from '../../adapter/format-name.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../json/quote.ts';
import { formatOfName, SHARED_WITH_PEFT } from './format-of-name.ts';

/** Methods other than LoRA, by the last part of their tensors' names; the name of an adapter may stand behind it. */
const METHODS: readonly (readonly [method: string, pattern: RegExp, own?: FormatName])[] = [
  ['LoHa or LoKr', /(?:^|\.)(?:hada|lokr)_(?:w[12](?:_[ab])?|t[12])(?:\.[^.]+)?$/, 'kohya'],
  ['OFT', /(?:^|\.)b?oft_/],
  ['Sam_LoRA', /^w_[ab]_\d+$/],
  ['IA3', /(?:^|\.)ia3_l(?:\.[^.]+)?$/],
  ['VeRA', /(?:^|\.)vera_(?:lambda_[bd]|[AB])(?:\.[^.]+)?$/],
  // What else PEFT has (peft/tuners, `prefix` and `adapter_layer_names`).
  [
    'another method of PEFT',
    /(?:^|\.)(?:hra_u|fourierft_spectrum|waveft_spectrum|c3a_kernel|(?:bone|miss)_block|road_(?:theta|alpha)|shira_weight|(?:vb|rand|de|gra|poly_)lora_[^.]+)(?:\.[^.]+)?$/,
  ],
];

/**
 * What a tensor of this name belongs to that is not the format, in words: another format or a method that is no LoRA.
 * undefined for the names of the format and for those that are nobody's: heads, norms, embeddings.
 */
export function foreignTo(format: FormatName, name: string): string | undefined {
  const other = formatOfName(name);
  if (other === format || (format === 'peft' && SHARED_WITH_PEFT.test(name))) return undefined;
  if (other !== undefined) return `the format ${other}`;
  return METHODS.find(([, pattern, own]) => own !== format && pattern.test(name))?.[0];
}

/** Half an adapter must not pass for a whole one. @throws AppError FORMAT_MIXED */
export function refuseForeign(format: FormatName, tensor: TensorEntry): void {
  const what = foreignTo(format, tensor.name);
  if (what !== undefined) throw mixed(format, tensor, what);
}

/** @param what of {@link foreignTo} */
export const mixed = (format: FormatName, { name }: TensorEntry, what: string): AppError =>
  new AppError(
    'FORMAT_MIXED',
    `tensor ${quote(name)} is of ${what}, other tensors are of the format ${format}`,
    { tensor: name, format },
  );
