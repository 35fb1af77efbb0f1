import { type TenantDatabase, usageOf } from '../../../src/resources/tenants/usage.ts';

/** What the adapters of a tenant come to. */
export async function storedBytesOf(space: TenantDatabase): Promise<{ adapters: number; bytes: number }> {
  const { adapters, stored_bytes: bytes } = await usageOf(space);
  return { adapters, bytes };
}

/** Jobs that a tenant has. */
export const jobsOf = async (space: TenantDatabase): Promise<number> => (await usageOf(space)).jobs;
