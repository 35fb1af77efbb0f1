import type { FactorDtype } from './adapter.ts';

/** The names of dtypes in requests and messages. */
export const DTYPE_NAMES = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' } as const satisfies Readonly<
  Record<FactorDtype, string>
>;
export type DtypeName = (typeof DTYPE_NAMES)[FactorDtype];

/** The dtype with this name; undefined for any other word, such as "match". */
export function dtypeNamed(name: string): FactorDtype | undefined {
  return (Object.keys(DTYPE_NAMES) as FactorDtype[]).find((dtype) => DTYPE_NAMES[dtype] === name);
}
