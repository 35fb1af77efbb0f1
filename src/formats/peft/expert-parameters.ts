/** The wrapper that PEFT nests for each further parameter of a module. */
const WRAPPER = '.base_layer';

/** transformers registers them in this order in every mixture of experts, and PEFT wraps the one registered first first. */
const REGISTERED = ['gate_up_proj', 'down_proj'];

/** The module that has the parameters: the path of a wrapper without "base_layer". */
export const ownerOf = (path: string): string => path.replaceAll(WRAPPER, '');

/**
 * Which parameters LoRA was put on where the configuration has target_parameters (peft/tuners/tuners_utils.py,
 * `_inject_parameters`): several on one module are wrappers in wrappers, the outermost for the parameter registered last.
 * @param paths of all modules that have factors, as the names of tensors have them
 * @param targets target_parameters: names of parameters, or ends of names
 * @returns by path: full names such as "model.layers.0.mlp.experts.down_proj"; several where the files do not tell
 *   which of them it is; nothing for a module that none of the targets belongs to
 */
export function expertParameters(
  paths: Iterable<string>,
  targets: readonly string[],
): ReadonlyMap<string, readonly string[]> {
  const owners = new Map<string, string[]>();
  for (const path of targets.length > 0 ? paths : []) {
    const owner = ownerOf(path);
    owners.set(owner, [...(owners.get(owner) ?? []), path]);
  }
  const found = new Map<string, readonly string[]>();
  for (const [owner, wrappers] of owners) {
    const parameters = parametersOn(owner, targets);
    if (parameters.length === 0) continue;
    // The outermost first.
    wrappers.sort((x, y) => x.length - y.length);
    for (const [depth, path] of wrappers.entries()) {
      const told = isRegistered(parameters) && wrappers.length === 2 ? REGISTERED.at(-1 - depth) : undefined;
      found.set(
        path,
        (told ? [told] : parameters).map((name) => `${owner}.${name}`),
      );
    }
  }
  return found;
}

function parametersOn(owner: string, targets: readonly string[]): string[] {
  const names = new Set<string>();
  for (const target of targets) {
    const dot = target.lastIndexOf('.');
    const [of, name] = [target.slice(0, Math.max(0, dot)), target.slice(dot + 1)];
    if (of === '' || `.${owner}`.endsWith(`.${of}`)) names.add(name);
  }
  return [...names];
}

const isRegistered = (parameters: readonly string[]): boolean =>
  parameters.length === REGISTERED.length && REGISTERED.every((name) => parameters.includes(name));
