import { describe } from 'node:test';
import { AttackTarget } from './attack-target.ts';
import { hostileFiles } from './files.ts';
import { hostileHttp } from './http.ts';
import { internalUrlAttacks } from './ssrf.ts';

describe('the real service, without keys', () => {
  const attacked = new AttackTarget();
  describe('withstands hostile files', () => hostileFiles(attacked));
  describe('withstands hostile HTTP', () => hostileHttp(attacked));
  describe('withstands URLs that lead to internal addresses', () => internalUrlAttacks(attacked));
});
