import { describe } from 'node:test';
import { AttackTarget } from './attack-target.ts';
import { hostileFiles } from './files.ts';
import { hostileHttp } from './http.ts';
import { internalUrlAttacks } from './ssrf.ts';

describe('the real service, open to all', () => {
  const attacked = new AttackTarget();
  describe('and hostile files', () => hostileFiles(attacked));
  describe('and hostile HTTP', () => hostileHttp(attacked));
  describe('and URLs that lead inside', () => internalUrlAttacks(attacked));
});
