import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import openapiTS, { astToString } from 'openapi-typescript';
import ts from 'typescript';

const ROOT = join(import.meta.dirname, '../..');
const CONTRACT = join(ROOT, 'openapi.yaml');
const CLIENT_TYPES = join(import.meta.dirname, 'src/contract.d.ts');

const HEADER =
  '// Made from openapi.yaml by `npm run client`: every path, body and answer of the service as types.\n\n';
const BLOB = ts.factory.createTypeReferenceNode('Blob');

/** The contract as TypeScript, formatted. Binary parts and bodies are Blobs, which fetch accepts and returns. */
async function clientTypes(contract: string): Promise<string> {
  const ast = await openapiTS(contract, {
    alphabetize: true,
    defaultNonNullable: false,
    transform: (schema) => ('format' in schema && schema.format === 'binary' ? BLOB : undefined),
  });
  const biome = join(ROOT, 'node_modules/.bin/biome');
  return execFileSync(biome, ['format', '--stdin-file-path', CLIENT_TYPES], {
    cwd: ROOT,
    input: HEADER + astToString(ast),
    encoding: 'utf8',
  });
}

const [out = CLIENT_TYPES] = process.argv.slice(2);
writeFileSync(out, await clientTypes(readFileSync(CONTRACT, 'utf8')));
