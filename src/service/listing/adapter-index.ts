import { RECENT_ADAPTERS_PREFIX, turnedDigits } from '../layout.ts';

/** What the key of an entry in the index of adapters says. */
export interface AdapterEntry {
  readonly id: string;
  readonly createdAtMs: number;
  readonly bytes: number;
}

/** A key of the index without its prefix. */
export const ADAPTER_PLACE = /^[0-9a-f]{6}\/([0-9a-f]{12})-(ad_[0-9a-f]{32})-(\d{1,16})$/;

/** undefined for what is no entry. */
export function adapterEntryOf(key: string): AdapterEntry | undefined {
  const [, time, id, bytes] = ADAPTER_PLACE.exec(key.slice(RECENT_ADAPTERS_PREFIX.length)) ?? [];
  if (time === undefined || id === undefined) return undefined;
  return { id, createdAtMs: Number.parseInt(turnedDigits(time), 16), bytes: Number(bytes) };
}
