import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../json/quote.ts';
import { MAX_PARAMETERS } from './limits.ts';

/** The wrapper that PEFT nests for each further parameter of a module. */
const WRAPPER = '.base_layer';

/** transformers registers them in this order in every mixture of experts, and PEFT wraps them in the same order. */
const REGISTERED = ['gate_up_proj', 'down_proj'];

/** The module that has the parameters: the path of a wrapper without "base_layer". */
const ownerOf = (path: string): string => path.replaceAll(WRAPPER, '');

/**
 * The parameters that have LoRA if the configuration has target_parameters (peft/tuners/tuners_utils.py,
 * `_inject_parameters`). Several parameters of one module have nested wrappers, the outermost one for the parameter
 * that was registered last.
 * @param paths of all modules with factors, as in the names of tensors
 * @param targets target_parameters: names of parameters, or ends of names
 * @returns by path: full names such as "model.layers.0.mlp.experts.down_proj"; several if the files do not show
 *   which of them it is; nothing for a module without targets
 * @throws AppError CONFIG_TOO_LARGE
 */
export function expertParameters(
  paths: Iterable<string>,
  targets: readonly string[],
): ReadonlyMap<string, readonly string[]> {
  const owners = new Map<string, string[]>();
  for (const path of targets.length > 0 ? paths : []) {
    const owner = ownerOf(path);
    const wrappers = owners.get(owner);
    if (wrappers) wrappers.push(path);
    else owners.set(owner, [path]);
  }
  const byOwner = namesByOwner(targets);
  const found = new Map<string, readonly string[]>();
  for (const [owner, wrappers] of owners) {
    const parameters = parametersOn(owner, byOwner);
    if (parameters.length === 0) continue;
    // The outermost first.
    wrappers.sort((x, y) => x.length - y.length);
    for (const [depth, path] of wrappers.entries()) {
      const registeredName =
        isRegistered(parameters) && wrappers.length === 2 ? REGISTERED.at(-1 - depth) : undefined;
      found.set(
        path,
        (registeredName ? [registeredName] : parameters).map((name) => `${owner}.${name}`),
      );
    }
  }
  return found;
}

/** Names of parameters by the end of the path before them; '' for a target without a path, which means every module. */
function namesByOwner(targets: readonly string[]): ReadonlyMap<string, Set<string>> {
  const byOwner = new Map<string, Set<string>>();
  for (const target of targets) {
    const dot = target.lastIndexOf('.');
    const [of, name] = [target.slice(0, Math.max(0, dot)), target.slice(dot + 1)];
    const names = byOwner.get(of);
    if (names) names.add(name);
    else byOwner.set(of, new Set([name]));
  }
  return byOwner;
}

/** @throws AppError CONFIG_TOO_LARGE */
function parametersOn(owner: string, byOwner: ReadonlyMap<string, Set<string>>): string[] {
  const names = new Set<string>();
  const add = (of: string): void => {
    for (const name of byOwner.get(of) ?? []) if (names.add(name).size > MAX_PARAMETERS) throw tooMany(owner);
  };
  add('');
  for (let start = 0; ; ) {
    add(owner.slice(start));
    const dot = owner.indexOf('.', start);
    if (dot === -1) return [...names];
    start = dot + 1;
  }
}

function tooMany(owner: string): AppError {
  return new AppError(
    'CONFIG_TOO_LARGE',
    `In adapter_config.json, target_parameters names more than ${MAX_PARAMETERS} parameters of module ${quote(owner)}.`,
    { field: 'target_parameters', module: owner, limit: MAX_PARAMETERS },
  );
}

const isRegistered = (parameters: readonly string[]): boolean =>
  parameters.length === REGISTERED.length && REGISTERED.every((name) => parameters.includes(name));
