/** Lets each take part in some of the places only, so that one whose work is slow leaves places for the others. */
export class FairShare {
  private readonly most: number;
  private readonly taken = new Map<string, number>();

  /** @param most places that one may have at once */
  constructor(most: number) {
    this.most = most;
  }

  /** @returns what gives the place back, once; undefined where there is none for this one now */
  take(name: string): (() => void) | undefined {
    const taken = this.taken.get(name) ?? 0;
    if (taken >= this.most) return undefined;
    this.taken.set(name, taken + 1);
    return () => {
      const left = this.taken.get(name)! - 1;
      if (left === 0) this.taken.delete(name);
      else this.taken.set(name, left);
    };
  }
}
