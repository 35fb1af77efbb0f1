import type { BlobStore } from '../../storage/blob-store.ts';
import { TENANTS_PREFIX } from '../layout.ts';

/**
 * Ids of all tenants that have something in the storage, whether or not they are known otherwise: what they refer to
 * must not be taken for garbage. From each one's first key to behind its last one, however many are between.
 */
export async function storedTenants(store: Pick<BlobStore, 'list'>): Promise<string[]> {
  const tenants: string[] = [];
  for (let after = TENANTS_PREFIX; ; ) {
    const [key] = await store.list(TENANTS_PREFIX, { after, limit: 1 });
    if (key === undefined) return tenants;
    const tenant = key.slice(TENANTS_PREFIX.length, key.indexOf('/', TENANTS_PREFIX.length));
    tenants.push(tenant);
    // No key has a character as high as that.
    after = `${TENANTS_PREFIX}${tenant}/~`;
  }
}
