/** What follows a part of a path. */
interface Step {
  readonly next: Map<string, Step>;
  /** The module whose path ends here. */
  module?: string;
}

/**
 * The modules that a configuration says were trained in full (PEFT's modules_to_save), each named by the end of its
 * path. Kept by the parts of their names: a stranger's list may have tens of thousands, and so may the tensors.
 */
export class SavedModules {
  readonly names: readonly string[];
  readonly #first: Step = { next: new Map() };

  /** @param config of an adapter; it may say nothing of them */
  constructor({ modules_to_save: saved }: Readonly<Record<string, unknown>>) {
    this.names = Array.isArray(saved) ? saved.filter((name) => typeof name === 'string') : [];
    for (const name of this.names) {
      let step = this.#first;
      for (const part of name.split('.')) {
        const known = step.next.get(part) ?? { next: new Map() };
        step.next.set(part, known);
        step = known;
      }
      step.module = name;
    }
  }

  /** Those that a tensor is one of, by whole parts of its path. */
  of(tensor: string): string[] {
    const found: string[] = [];
    const path = this.names.length > 0 ? tensor.split('.').slice(0, -1) : [];
    for (let begin = 0; begin < path.length; begin++) {
      let step = this.#first.next.get(path[begin]!);
      for (let at = begin + 1; step; step = step.next.get(path[at++]!)) {
        if (step.module !== undefined) found.push(step.module);
      }
    }
    return found;
  }
}
