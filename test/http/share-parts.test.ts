import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type PartPath, shareParts } from '../../src/http/share-parts.ts';

const point = () => ({ type: 'object', properties: { x: { type: 'number' } } });
const line = () => ({ type: 'array', items: point() });

const document = () => ({
  openapi: '3.1.0',
  paths: { '/': { get: { schema: point() } } },
  components: { schemas: { Figure: { properties: { lines: { items: line() }, centre: point() } } } },
});
const PARTS: Record<string, PartPath> = {
  Point: ['Figure', 'properties', 'centre'],
  Line: ['Figure', 'properties', 'lines', 'items'],
};

describe('parts of the contract', () => {
  it('are described once, wherever they stand, also inside each other', () => {
    const { paths, components } = shareParts(document(), PARTS);
    const point = { $ref: '#/components/schemas/Point' };
    assert.deepEqual(paths, { '/': { get: { schema: point } } });
    assert.deepEqual(components.schemas, {
      Figure: { properties: { lines: { items: { $ref: '#/components/schemas/Line' } }, centre: point } },
      Point: { type: 'object', properties: { x: { type: 'number' } } },
      Line: { type: 'array', items: point },
    });
  });

  it('leave the document that was given as it was', () => {
    const given = document();
    shareParts(given, PARTS);
    assert.deepEqual(given, document());
  });

  it('keep what is only alike', () => {
    const given = document();
    const other = { ...point(), description: 'another' };
    const shared = shareParts({ ...given, paths: { '/': { get: { schema: other } } } }, PARTS);
    assert.deepEqual(shared.paths['/'].get.schema, other);
  });

  it('have to be where their path says', () => {
    assert.throws(
      () => shareParts(document(), { Circle: ['Figure', 'properties', 'circle'] }),
      /no Circle at Figure\/properties\/circle/,
    );
  });

  it('of a component that is not served are left out', () => {
    const shared = shareParts(document(), { ...PARTS, Sphere: ['Body', 'properties', 'sphere'] });
    assert.deepEqual(Object.keys(shared.components.schemas).sort(), ['Figure', 'Line', 'Point']);
  });
});
