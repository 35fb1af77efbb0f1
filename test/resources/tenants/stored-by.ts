import { readUsage, type TenantDatabase } from '../../../src/resources/tenants/usage.ts';

/** The total of a tenant's adapters. */
export async function storedBytesOf(space: TenantDatabase): Promise<{ adapters: number; bytes: number }> {
  const { adapters, stored_bytes: bytes } = await readUsage(space);
  return { adapters, bytes };
}

/** The number of a tenant's jobs. */
export const jobsOf = async (space: TenantDatabase): Promise<number> => (await readUsage(space)).jobs;
