import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openapiDocument } from '../src/app/openapi-document.ts';

/** Writes openapi.yaml from the routes' schemas. Needs no Redis and no storage: nothing is ever called. */
const root = join(import.meta.dirname, '..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
writeFileSync(join(root, 'openapi.yaml'), await openapiDocument(version));
