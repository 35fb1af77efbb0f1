import { describe } from 'node:test';
import { Attacked } from './attacked.ts';
import { hostileFiles } from './files.ts';
import { hostileHttp } from './http.ts';
import { urlsThatLeadInside } from './ssrf.ts';

describe('the real service, open to all', () => {
  const attacked = new Attacked();
  describe('and hostile files', () => hostileFiles(attacked));
  describe('and hostile HTTP', () => hostileHttp(attacked));
  describe('and URLs that lead inside', () => urlsThatLeadInside(attacked));
});
