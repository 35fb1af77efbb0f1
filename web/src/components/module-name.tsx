import { distinctLabels } from '../../../src/charts/module-names.ts';

/** Two lines beside the other columns of a workbench, and on a phone. */
const MAX_LABEL = 52;
const MAX_BRIEF = 34;

/** Names of modules for where there is little room, still told apart. */
export function briefNames(modules: readonly { readonly name: string }[], most = MAX_BRIEF): string[] {
  return distinctLabels(
    modules.map(({ name }) => name),
    most,
  );
}

export const shortNames = (modules: readonly { readonly name: string }[]): string[] =>
  briefNames(modules, MAX_LABEL);

interface ModuleNameProps {
  readonly name: string;
  /** What stands for it on a wide page; none: it stands for itself. */
  readonly short?: string | undefined;
  /** The same of a narrow page. */
  readonly brief: string;
  readonly onSelect?: ((name: string) => void) | undefined;
}

/** The name of a module in a row of a table: two lines of it. */
export function ModuleName({ name, short = name, brief, onSelect }: ModuleNameProps) {
  const text =
    brief === short ? (
      <bdi>{short}</bdi>
    ) : (
      <>
        <bdi class="whole">{short}</bdi>
        <bdi class="brief">{brief}</bdi>
      </>
    );
  return onSelect ? (
    <button type="button" class="link module-name" title={name} onClick={() => onSelect(name)}>
      {text}
    </button>
  ) : (
    <span class="module-name" title={name}>
      {text}
    </span>
  );
}
