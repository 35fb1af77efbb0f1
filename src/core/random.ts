/**
 * Seeded random numbers that depend on nothing but their seed text: not on order, threads or batches.
 */

/** Four 32-bit words from a text: FNV-1a in four lanes, each finished with the mixer of MurmurHash3. */
function seedWords(text: string): [number, number, number, number] {
  const lanes = [0x811c9dc5, 0x9e3779b9, 0x85ebca6b, 0xc2b2ae35] as [number, number, number, number];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    for (let lane = 0; lane < 4; lane++) lanes[lane] = Math.imul(lanes[lane]! ^ (unit + lane), 0x01000193);
  }
  return lanes.map((word) => {
    let mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return mixed ^ (mixed >>> 16);
  }) as [number, number, number, number];
}

/** Chris Doty-Humphrey's sfc32 (PractRand): uniform 32-bit words. */
function sfc32(text: string): () => number {
  let [a, b, c, counter] = seedWords(text);
  const next = (): number => {
    const word = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + word) | 0;
    return word >>> 0;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}

/**
 * Standard normal numbers by Marsaglia's polar method: of the functions that may differ between versions of a
 * JavaScript engine, it needs only the logarithm.
 * @param seed a job's seed
 * @param name the purpose of the numbers, such as a module's name
 */
export function normals(seed: number, name: string, count: number): Float64Array {
  const word = sfc32(`${seed}\0${name}`);
  // 53 bits, in (−1, 1).
  const uniform = (): number => ((word() >>> 5) * 67108864 + (word() >>> 6)) / 4503599627370496 - 1;
  const result = new Float64Array(count);
  for (let i = 0; i < count; i += 2) {
    let x: number;
    let y: number;
    let square: number;
    do {
      x = uniform();
      y = uniform();
      square = x * x + y * y;
    } while (square >= 1 || square === 0);
    const factor = Math.sqrt((-2 * Math.log(square)) / square);
    result[i] = x * factor;
    if (i + 1 < count) result[i + 1] = y * factor;
  }
  return result;
}
