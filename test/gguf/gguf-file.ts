/**
 * A second, minimal writer and reader of GGUF (https://github.com/ggml-org/ggml, docs/gguf.md), so that tests
 * do not check the service's files with the service's own code. It can also write wrong files.
 */

/** gguf_metadata_value_type */
export const TYPE = {
  u8: 0,
  i8: 1,
  u16: 2,
  i16: 3,
  u32: 4,
  i32: 5,
  f32: 6,
  bool: 7,
  str: 8,
  arr: 9,
  u64: 10,
  i64: 11,
  f64: 12,
};
/** ggml_type: number, elements and bytes of a block. */
export const GGML = {
  F32: [0, 1, 4],
  F16: [1, 1, 2],
  Q4_0: [2, 32, 18],
  Q8_0: [8, 32, 34],
  BF16: [30, 1, 2],
} as const;
export type GgmlName = keyof typeof GGML;

export type Value =
  | number
  | bigint
  | boolean
  | string
  | { readonly type: number; readonly values: readonly Value[] };
export type KeyValue = readonly [key: string, type: number, value: Value];

export interface GgufTensor {
  readonly name: string;
  /** Extents in the order of the file, the fastest first. */
  readonly ne: readonly (number | bigint)[];
  readonly type: GgmlName;
  /** Default: zeros. */
  readonly bytes?: Uint8Array;
}

export interface GgufParts {
  readonly version?: number;
  readonly keyValues?: readonly KeyValue[];
  readonly tensors?: readonly GgufTensor[];
  readonly alignment?: number;
  /** What the file states instead of the truth. */
  readonly lies?: {
    readonly tensorCount?: bigint;
    readonly keyCount?: bigint;
    readonly typeIds?: readonly number[];
    readonly offsets?: readonly bigint[];
    readonly padsEnd?: boolean;
  };
}

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
export const u64 = (value: number | bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const str = (text: string): Buffer => Buffer.concat([u64(Buffer.byteLength(text)), Buffer.from(text)]);
const pad = (bytes: number, to: number): number => bytes + ((to - (bytes % to)) % to);

function valueBytes(type: number, value: Value): Buffer {
  const sized = (bytes: number, write: (to: Buffer) => unknown): Buffer => {
    const to = Buffer.alloc(bytes);
    write(to);
    return to;
  };
  if (typeof value === 'string') return str(value);
  if (typeof value === 'object' && value.type === TYPE.u8) {
    return Buffer.concat([u32(value.type), u64(value.values.length), Buffer.from(value.values as number[])]);
  }
  if (typeof value === 'object') {
    return Buffer.concat([
      u32(value.type),
      u64(value.values.length),
      ...value.values.map((item) => valueBytes(value.type, item)),
    ]);
  }
  const number = Number(value);
  switch (type) {
    case TYPE.u8:
    case TYPE.bool:
      return sized(1, (to) => to.writeUInt8(number));
    case TYPE.i8:
      return sized(1, (to) => to.writeInt8(number));
    case TYPE.u16:
      return sized(2, (to) => to.writeUInt16LE(number));
    case TYPE.i16:
      return sized(2, (to) => to.writeInt16LE(number));
    case TYPE.i32:
      return sized(4, (to) => to.writeInt32LE(number));
    case TYPE.f32:
      return sized(4, (to) => to.writeFloatLE(number));
    case TYPE.f64:
      return sized(8, (to) => to.writeDoubleLE(number));
    case TYPE.u64:
      return sized(8, (to) => to.writeBigUInt64LE(BigInt(value)));
    case TYPE.i64:
      return sized(8, (to) => to.writeBigInt64LE(BigInt(value)));
    default:
      return u32(number);
  }
}

export function sizeOf({ ne, type }: Pick<GgufTensor, 'ne' | 'type'>): number {
  const [, elements, bytes] = GGML[type];
  return (ne.map(Number).reduce((product, extent) => product * extent, 1) / elements) * bytes;
}

export function buildGguf({
  version = 3,
  keyValues = [],
  tensors = [],
  alignment = 32,
  lies = {},
}: GgufParts): Buffer {
  const header: Buffer[] = [Buffer.from('GGUF'), u32(version)];
  header.push(u64(lies.tensorCount ?? tensors.length), u64(lies.keyCount ?? keyValues.length));
  for (const [key, type, value] of keyValues) header.push(str(key), u32(type), valueBytes(type, value));
  const data: Buffer[] = [];
  let end = 0;
  for (const [index, tensor] of tensors.entries()) {
    const { name, ne, type, bytes } = tensor;
    header.push(str(name), u32(ne.length), ...ne.map(u64), u32(lies.typeIds?.[index] ?? GGML[type][0]));
    header.push(u64(lies.offsets?.[index] ?? end));
    const size = bytes?.length ?? Math.min(sizeOf(tensor), 1 << 20);
    const padded = index === tensors.length - 1 && lies.padsEnd === false ? size : pad(size, alignment);
    const block = Buffer.alloc(padded);
    if (bytes) block.set(bytes);
    data.push(block);
    end += padded;
  }
  const headerBytes = Buffer.concat(header);
  const padding = tensors.length > 0 ? pad(headerBytes.length, alignment) - headerBytes.length : 0;
  return Buffer.concat([headerBytes, Buffer.alloc(padding), ...data]);
}

export interface GgufFile {
  readonly version: number;
  readonly keyValues: ReadonlyMap<string, { readonly type: number; readonly value: Value }>;
  /** Shapes are row-major: the slowest axis first. */
  readonly tensors: ReadonlyMap<
    string,
    { readonly dtype: string; readonly shape: readonly number[]; readonly bytes: Uint8Array }
  >;
}

/** Reads a valid file. @throws for any other */
export function parseGguf(file: Uint8Array): GgufFile {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let at = 0;
  const take = (bytes: number): number => {
    at += bytes;
    return at - bytes;
  };
  const readU32 = (): number => view.getUint32(take(4), true);
  const readU64 = (): number => Number(view.getBigUint64(take(8), true));
  const text = (): string => {
    const length = readU64();
    const from = take(length);
    return Buffer.from(file.subarray(from, from + length)).toString('utf8');
  };
  const readers: Readonly<Record<number, () => Value>> = {
    [TYPE.u8]: () => view.getUint8(take(1)),
    [TYPE.i8]: () => view.getInt8(take(1)),
    [TYPE.u16]: () => view.getUint16(take(2), true),
    [TYPE.i16]: () => view.getInt16(take(2), true),
    [TYPE.u32]: readU32,
    [TYPE.i32]: () => view.getInt32(take(4), true),
    [TYPE.f32]: () => view.getFloat32(take(4), true),
    [TYPE.bool]: () => view.getUint8(take(1)) === 1,
    [TYPE.str]: text,
    [TYPE.arr]: () => {
      const type = readU32();
      return { type, values: Array.from({ length: readU64() }, () => readers[type]!()) };
    },
    [TYPE.u64]: () => view.getBigUint64(take(8), true),
    [TYPE.i64]: () => view.getBigInt64(take(8), true),
    [TYPE.f64]: () => view.getFloat64(take(8), true),
  };
  if (Buffer.from(file.subarray(0, 4)).toString() !== 'GGUF') throw new Error('no magic');
  take(4);
  const version = readU32();
  const [tensorCount, keyCount] = [readU64(), readU64()];
  const keyValues = new Map<string, { type: number; value: Value }>();
  for (let i = 0; i < keyCount; i++) {
    const key = text();
    const type = readU32();
    keyValues.set(key, { type, value: readers[type]!() });
  }
  const infos = Array.from({ length: tensorCount }, () => {
    const name = text();
    const ne = Array.from({ length: readU32() }, readU64);
    const id = readU32();
    const [dtype] = Object.entries(GGML).find(([, [known]]) => known === id)!;
    return { name, ne, dtype: dtype as GgmlName, offset: readU64() };
  });
  const alignment = Number(keyValues.get('general.alignment')?.value ?? 32);
  const begin = pad(at, alignment);
  const tensors = new Map(
    infos.map(({ name, ne, dtype, offset }) => {
      if (offset % alignment !== 0) throw new Error(`${name} is not aligned`);
      const from = begin + offset;
      const bytes = file.subarray(from, from + sizeOf({ ne, type: dtype }));
      return [name, { dtype, shape: ne.toReversed(), bytes }];
    }),
  );
  return { version, keyValues, tensors };
}
