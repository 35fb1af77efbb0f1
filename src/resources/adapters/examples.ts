import type { Static } from 'typebox';
import type { AdapterPatch } from '../../contract/adapter.ts';
import { ADAPTER_EXAMPLE } from '../../contract/examples.ts';
import type { AdapterListPage } from '../../contract/list.ts';

/** Examples of the contract, with their types, so that an outdated example does not compile. */
export const ADAPTER_PATCH_EXAMPLE: AdapterPatch = {
  name: 'search-v4',
  labels: { team: 'search', stage: 'prod' },
  ttl_seconds: null,
};

export const ADAPTER_PAGE_EXAMPLE: Static<typeof AdapterListPage> = {
  data: [ADAPTER_EXAMPLE],
  next_cursor: null,
};
