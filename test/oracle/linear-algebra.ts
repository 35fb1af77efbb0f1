/**
 * Dense float64 linear algebra in plain TypeScript, written to check the service's results; it shares no code
 * with the service. Accuracy comes first: orthogonal transformations only (Householder QR, one-sided Jacobi
 * SVD), never Gram matrices, so that an excess of 1e-6 over the optimal error can be distinguished from
 * rounding.
 *
 * An update is ΔW = s·B·A with B [m, r] and A [r, n]; it is never formed.
 */

/** Row-major: element (i, j) is data[i * columns + j]. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

/**
 * Columns count as orthogonal below this cosine times their norm, which is what rounding leaves of a dot
 * product.
 */
const EPSILON = 2 ** -52;
/** One-sided Jacobi needs 6 to 12 sweeps; more indicate a bug, not a hard matrix. */
const MAX_SWEEPS = 60;

export function matrix(rows: number, columns: number, values?: ArrayLike<number>): Matrix {
  const data = new Float64Array(rows * columns);
  if (values) {
    if (values.length !== data.length) {
      throw new Error(`${values.length} values do not make a ${rows}×${columns} matrix`);
    }
    data.set(values);
  }
  return { rows, columns, data };
}

export function transpose(source: Matrix): Matrix {
  const result = matrix(source.columns, source.rows);
  for (let i = 0; i < source.rows; i++) {
    for (let j = 0; j < source.columns; j++) {
      result.data[j * source.rows + i] = source.data[i * source.columns + j]!;
    }
  }
  return result;
}

/** left·right. */
export function multiply(left: Matrix, right: Matrix): Matrix {
  if (left.columns !== right.rows) {
    throw new Error(`cannot multiply ${left.rows}×${left.columns} by ${right.rows}×${right.columns}`);
  }
  const result = matrix(left.rows, right.columns);
  for (let i = 0; i < left.rows; i++) {
    const out = i * right.columns;
    for (let k = 0; k < left.columns; k++) {
      const factor = left.data[i * left.columns + k]!;
      const row = k * right.columns;
      for (let j = 0; j < right.columns; j++)
        result.data[out + j] = result.data[out + j]! + factor * right.data[row + j]!;
    }
  }
  return result;
}

export function scaled(source: Matrix, factor: number): Matrix {
  return { ...source, data: source.data.map((value) => factor * value) };
}

/** √Σx², free of overflow and underflow. */
export function frobenius(source: Matrix): number {
  return norm(source.data, 0);
}

/** R [min(rows, columns), columns] of the Householder QR factorisation. */
export function qrFactorR(source: Matrix): Matrix {
  return triangularize(columnsOf(source));
}

/** Singular values, descending, min(rows, columns) of them. */
export function singularValues(source: Matrix): Float64Array {
  const narrow = source.rows < source.columns ? transpose(source) : source;
  return jacobiSingularValues(columnsOf(qrFactorR(narrow)));
}

/** Singular values of B·A, descending: min(m, r, n) of them; all others are zero. */
export function singularValuesOfProduct(b: Matrix, a: Matrix): Float64Array {
  return singularValues(smallProduct(columnsOf(b), rowsOf(a)));
}

/** ‖s·B·A‖_F. */
export function productNorm(b: Matrix, a: Matrix, scale = 1): number {
  return Math.abs(scale) * frobenius(smallProduct(columnsOf(b), rowsOf(a)));
}

/**
 * The least ‖ΔW − X‖_F / ‖ΔW‖_F that any X of rank k can have (Eckart–Young), for ΔW = s·B·A. Zero for ΔW =
 * 0. The scale cancels out; it is a parameter only so that a scale of 0 counts as ΔW = 0.
 */
export function optimalTruncation(b: Matrix, a: Matrix, scale: number, rank: number): number {
  return scale === 0 ? 0 : tailShare(singularValuesOfProduct(b, a), rank);
}

/** √(Σ_{i>k} σ² / Σ σ²) of a descending spectrum. */
export function tailShare(sigma: Float64Array, rank: number): number {
  const whole = norm(sigma, 0);
  return whole === 0 ? 0 : norm(sigma, Math.min(rank, sigma.length)) / whole;
}

/**
 * ‖s·B·A − s₂·B₂·A₂‖_F through QR of [B  B₂] and of [A; A₂]: its error is only the rounding of the two
 * products.
 */
export function differenceNorm(
  b: Matrix,
  a: Matrix,
  scale: number,
  b2: Matrix,
  a2: Matrix,
  scale2: number,
): number {
  if (b.rows !== b2.rows || a.columns !== a2.columns) {
    throw new Error(`ΔW is ${b.rows}×${a.columns}, the other ${b2.rows}×${a2.columns}`);
  }
  return frobenius(
    smallProduct(
      [...columnsOf(scaled(b, scale)), ...columnsOf(scaled(b2, -scale2))],
      [...rowsOf(a), ...rowsOf(a2)],
    ),
  );
}

/**
 * R_L·R_Rᵀ for left·right given as the columns of one and the rows of the other: it has the same singular
 * values, but is small.
 */
function smallProduct(leftColumns: Float64Array[], rightRows: Float64Array[]): Matrix {
  if (leftColumns.length !== rightRows.length) {
    throw new Error(`B has ${leftColumns.length} columns, A has ${rightRows.length} rows`);
  }
  return multiply(triangularize(leftColumns), transpose(triangularize(rightRows)));
}

/** Reflects the columns (overwritten) into R, the upper triangle of their QR factorisation. */
function triangularize(columns: Float64Array[]): Matrix {
  const height = columns[0]?.length ?? 0;
  const result = matrix(Math.min(height, columns.length), columns.length);
  for (let j = 0; j < columns.length; j++) {
    const reflector = columns[j]!;
    for (let i = 0; i < Math.min(j, result.rows); i++) result.data[i * result.columns + j] = reflector[i]!;
    if (j >= result.rows) continue;
    const length = norm(reflector, j);
    if (length === 0) continue;
    const head = reflector[j]!;
    result.data[j * result.columns + j] = head > 0 ? -length : length;
    // The reflector, divided by its norm so that nothing overflows: v = (x − αe₁)/‖x‖, vᵀv = 2(1 + |x₁|/‖x‖).
    reflector[j] = head + (head > 0 ? length : -length);
    for (let i = j; i < height; i++) reflector[i] = reflector[i]! / length;
    const weight = 1 / (1 + Math.abs(head) / length);
    for (let k = j + 1; k < columns.length; k++) {
      const other = columns[k]!;
      const factor = -weight * dot(reflector, other, j);
      for (let i = j; i < height; i++) other[i] = other[i]! + factor * reflector[i]!;
    }
  }
  return result;
}

/** One-sided Jacobi (Hestenes): rotates pairs of columns (overwritten) until all are orthogonal; σ are their norms. */
function jacobiSingularValues(columns: Float64Array[]): Float64Array {
  const height = columns[0]?.length ?? 0;
  const largest = Math.max(0, ...columns.map((column) => norm(column, 0)));
  if (largest === 0) return new Float64Array(columns.length);
  for (const column of columns) for (let i = 0; i < height; i++) column[i] = column[i]! / largest;

  const tolerance = height * EPSILON;
  for (let sweep = 0, rotated = true; rotated; sweep++) {
    if (sweep === MAX_SWEEPS) throw new Error(`the Jacobi SVD did not converge in ${MAX_SWEEPS} sweeps`);
    rotated = false;
    for (let p = 0; p < columns.length; p++) {
      for (let q = p + 1; q < columns.length; q++) {
        rotated = orthogonalize(columns, p, q, tolerance) || rotated;
      }
    }
  }
  return Float64Array.from(columns, (column) => largest * norm(column, 0)).sort((x, y) => y - x);
}

/**
 * Rotates columns p and q until they are orthogonal, the longer one first. @returns whether a rotation was
 * needed
 */
function orthogonalize(columns: Float64Array[], p: number, q: number, tolerance: number): boolean {
  const first = columns[p]!;
  const second = columns[q]!;
  const firstSquared = dot(first, first, 0);
  const secondSquared = dot(second, second, 0);
  const inner = dot(first, second, 0);
  // Relative to a largest norm of 1 such a column is the rounding of a zero column, and may be parallel to
  // others.
  const isNothing = Math.min(firstSquared, secondSquared) <= EPSILON ** 4;
  if (isNothing || Math.abs(inner) <= tolerance * Math.sqrt(firstSquared) * Math.sqrt(secondSquared)) {
    if (firstSquared < secondSquared) [columns[p], columns[q]] = [second, first];
    return false;
  }
  const zeta = (secondSquared - firstSquared) / (2 * inner);
  const tangent = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
  const cosine = 1 / Math.hypot(1, tangent);
  const sine = cosine * tangent;
  for (let i = 0; i < first.length; i++) {
    const x = first[i]!;
    const y = second[i]!;
    first[i] = cosine * x - sine * y;
    second[i] = sine * x + cosine * y;
  }
  if (dot(first, first, 0) < dot(second, second, 0)) [columns[p], columns[q]] = [second, first];
  return true;
}

function columnsOf(source: Matrix): Float64Array[] {
  return rowsOf(transpose(source));
}

function rowsOf(source: Matrix): Float64Array[] {
  return Array.from({ length: source.rows }, (_, i) =>
    source.data.slice(i * source.columns, (i + 1) * source.columns),
  );
}

/** Norm of values[from…]. */
function norm(values: Float64Array, from: number): number {
  let largest = 0;
  for (let i = from; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]!));
  if (largest === 0 || !Number.isFinite(largest)) return largest;
  let sum = 0;
  for (let i = from; i < values.length; i++) sum += (values[i]! / largest) ** 2;
  return largest * Math.sqrt(sum);
}

/** Σ x·y over [from…], in four sums: faster, and with less rounding than one. */
function dot(x: Float64Array, y: Float64Array, from: number): number {
  let sum0 = 0;
  let sum1 = 0;
  let sum2 = 0;
  let sum3 = 0;
  let i = from;
  for (; i + 3 < x.length; i += 4) {
    sum0 += x[i]! * y[i]!;
    sum1 += x[i + 1]! * y[i + 1]!;
    sum2 += x[i + 2]! * y[i + 2]!;
    sum3 += x[i + 3]! * y[i + 3]!;
  }
  for (; i < x.length; i++) sum0 += x[i]! * y[i]!;
  return sum0 + sum1 + (sum2 + sum3);
}
