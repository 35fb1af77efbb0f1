import { AppError } from '../errors/app-error.ts';

/** What PEFT calls a pickle; for files whose own name is not known, or could not stand in a shell as it is. */
const USUAL_NAME = 'adapter_model.bin';
/** Nothing that a shell or Python would take apart. */
const PLAIN_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,120}$/;
const MAX_SHOWN = 80;

/**
 * A command for a shell that makes safetensors of a pickle, on the machine of who has it. `weights_only` keeps the
 * pickle from running code; `clone` parts tensors that share memory, which safetensors refuses.
 * @param name of the file; another one stands in its place where it is not plain
 */
export function conversionCommand(name: string): string {
  const from = PLAIN_NAME.test(name) ? name : USUAL_NAME;
  const to = `${from.replace(/\.(?:bin|pt|pth|ckpt|pkl|pickle|safetensors|gguf)$/i, '')}.safetensors`;
  return (
    'python -c "import torch; from safetensors.torch import save_file; ' +
    `save_file({k: v.clone().contiguous() for k, v in torch.load('${from}', map_location='cpu', weights_only=True).items()}, '${to}')"`
  );
}

/**
 * What to do about a pickle. A list, as cloneofsimo/lora saved its first files, has no names for its tensors, and what a
 * training saved has more than tensors: of those the command makes nothing.
 * @param name as {@link conversionCommand}
 */
export const conversionAdvice = (name: string): string =>
  'convert it where you trust it (a dictionary of tensors by name; of a list or a whole checkpoint, save such a dictionary ' +
  `first): ${conversionCommand(name)}`;

/** A file that is a pickle by its name: never opened here. @param name as it was sent, or stands somewhere else */
export function pickleRefused(name: string): AppError {
  const shown = name.slice(0, MAX_SHOWN);
  return new AppError(
    'PICKLE_REFUSED',
    `${JSON.stringify(shown)} looks like a pickle file, which can run code and is never opened; ${conversionAdvice(name)}`,
    { file: shown, command: conversionCommand(name) },
  );
}
