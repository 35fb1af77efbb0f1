import { AppError } from '../errors/app-error.ts';

/** The name that PEFT gives to a pickle, used when the file's own name is unknown or unsafe in a shell. */
const USUAL_NAME = 'adapter_model.bin';
/** Names without characters that are special to a shell or Python. */
const PLAIN_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,120}$/;
const MAX_SHOWN = 80;

/**
 * A shell command that converts a pickle to safetensors on its owner's machine. `weights_only` keeps the pickle from
 * running code; `clone` separates tensors that share memory, which safetensors refuses.
 * @param name of the file; replaced if it is not safe in a shell
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
 * What to do with a pickle. The command cannot convert a list, which is how cloneofsimo/lora saved its first files,
 * because its tensors have no names, nor a training checkpoint, which contains more than tensors.
 * @param name as {@link conversionCommand}
 */
export const conversionAdvice = (name: string): string =>
  'convert it on a machine on which you are willing to run it (the command needs a dictionary of tensors by name; save a list or a whole checkpoint as ' +
  `such a dictionary first): ${conversionCommand(name)}`;

/**
 * The error for a pickle. It is recognised by its name and never opened.
 * @param name as it was sent
 */
export function pickleRefused(name: string): AppError {
  const shown = name.slice(0, MAX_SHOWN);
  return new AppError(
    'PICKLE_REFUSED',
    `${JSON.stringify(shown)} looks like a pickle file, which can run code and is never opened; ${conversionAdvice(name)}.`,
    { file: shown, command: conversionCommand(name) },
  );
}
