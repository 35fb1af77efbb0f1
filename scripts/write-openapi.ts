import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openapiDocument } from '../src/app/openapi-document.ts';

/** Writes openapi.yaml from the schemas of the routes. Needs no Redis and no storage, because no route is called. */
const root = join(import.meta.dirname, '..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
writeFileSync(join(root, 'openapi.yaml'), await openapiDocument(version));
