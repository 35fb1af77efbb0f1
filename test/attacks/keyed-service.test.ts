import { describe } from 'node:test';
import { Contract } from '../fuzz/contract/contract.ts';
import { AttackTarget } from './attack-target.ts';
import { hostileCalls } from './calls.ts';
import { hostileJson } from './json.ts';

/** With keys, so that the calls of administrators are available too. */
const ADMIN_KEY = 'an-admin-key-for-tests-only';

describe('the real service, with keys', async () => {
  const contract = await Contract.read();
  const attacked = new AttackTarget({ AUTH: 'keys', ADMIN_KEY });
  describe('withstands hostile calls', () => hostileCalls(attacked, ADMIN_KEY));
  describe('withstands hostile JSON in every operation of the contract', () =>
    hostileJson(attacked, contract, ADMIN_KEY));
});
