/** A binary heap (Williams 1964): returns its items in order, without sorting those that are never requested. */
export class Heap<T> {
  readonly #items: T[] = [];
  readonly #isBefore: (x: T, y: T) => boolean;

  /** @param isBefore a strict total order */
  constructor(isBefore: (x: T, y: T) => boolean) {
    this.#isBefore = isBefore;
  }

  push(item: T): void {
    let hole = this.#items.push(item) - 1;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (!this.#isBefore(item, this.#items[parent]!)) break;
      this.#items[hole] = this.#items[parent]!;
      hole = parent;
    }
    this.#items[hole] = item;
  }

  /** Removes and returns the first item; undefined if there is none. */
  pop(): T | undefined {
    const first = this.#items[0];
    const moved = this.#items.pop();
    if (moved === undefined || this.#items.length === 0) return first;
    let hole = 0;
    for (let child = 1; child < this.#items.length; child = 2 * hole + 1) {
      if (child + 1 < this.#items.length && this.#isBefore(this.#items[child + 1]!, this.#items[child]!))
        child++;
      if (!this.#isBefore(this.#items[child]!, moved)) break;
      this.#items[hole] = this.#items[child]!;
      hole = child;
    }
    this.#items[hole] = moved;
    return first;
  }
}
