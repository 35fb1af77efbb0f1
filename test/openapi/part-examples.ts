import assert from 'node:assert/strict';

/** Parts of multipart bodies that contain JSON, each with every example in the contract. */
export function partExamples(
  schemas: Readonly<Record<string, { readonly examples?: readonly unknown[] }>>,
): { field: string; path: string; value: unknown }[] {
  const squeezes = schemas.SqueezeRequest?.examples ?? [];
  assert.ok(squeezes.length > 0, 'SqueezeRequest has no example');
  return [
    ...squeezes.map((value) => ({ field: 'request', path: '/v1/squeeze', value })),
    { field: 'labels', path: '/v1/adapters', value: { team: 'search', env: 'prod' } },
    { field: 'ttl_seconds', path: '/v1/adapters', value: '3600' },
  ];
}
