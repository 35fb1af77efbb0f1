import { type UsedSpace, usageOf } from '../../../src/resources/tenants/usage.ts';

/** What the adapters of a tenant come to. */
export async function storedBy(space: UsedSpace): Promise<{ adapters: number; bytes: number }> {
  const { adapters, stored_bytes: bytes } = await usageOf(space);
  return { adapters, bytes };
}

/** Jobs that a tenant has. */
export const jobsOf = async (space: UsedSpace): Promise<number> => (await usageOf(space)).jobs;
