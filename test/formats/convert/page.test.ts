import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { FORMAT_NAMES } from '../../../src/adapter/format-name.ts';
import { FormatOptions } from '../../../src/contract/target.ts';
import { convertTargets } from '../../../src/formats/convert/convert-targets.ts';
import { GGUF_ARCHITECTURES } from '../../../src/formats/convert/gguf-architectures.ts';
import { FORMATS } from '../../../src/formats/formats.ts';

const DOCS = join(import.meta.dirname, '../../../docs');
const formats = readFileSync(join(DOCS, 'formats.md'), 'utf8');
const conversions = readFileSync(join(DOCS, 'conversions.md'), 'utf8');
const checks = readFileSync(join(DOCS, 'format-checks.md'), 'utf8');

/** The rows of the first table under a heading of a page, as cells. */
function table(page: string, heading: string): string[][] {
  const [, section] = page.split(`\n${heading}\n`);
  const lines = section!.split('\n').slice(section!.split('\n').findIndex((line) => line.startsWith('|')));
  const rows = lines.slice(
    0,
    lines.findIndex((line) => !line.startsWith('|')),
  );
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const plain = (cell: string): string => cell.replaceAll('`', '');

describe('docs/formats.md and docs/conversions.md', () => {
  it('list every format with the files of its results', () => {
    const [, , ...rows] = table(formats, '## What is read and written');
    assert.deepEqual(
      rows.map(([name]) => plain(name!)),
      [...FORMAT_NAMES],
    );
    for (const [name, files] of rows) {
      const { weightsName, hasConfig } = FORMATS.find((format) => format.name === plain(name!))!;
      assert.equal(plain(files!), hasConfig ? `${weightsName}, adapter_config.json` : weightsName);
    }
  });

  it('list exactly the conversions that exist', () => {
    const [[, ...to], , ...rows] = table(`\n${conversions}`, '# Conversions') as [
      string[],
      string[],
      ...string[][],
    ];
    const convertible = FORMAT_NAMES.filter((name) => name !== 'cloneofsimo');
    assert.deepEqual(to.map(plain), convertible);
    assert.deepEqual(
      rows.map(([name]) => plain(name!)),
      convertible,
    );
    for (const [index, [, ...cells]] of rows.entries()) {
      const listed = to.filter((_name, column) => cells[column] !== '').map(plain);
      assert.deepEqual(
        listed,
        convertTargets(convertible[index]!).map(({ format }) => format),
        convertible[index],
      );
    }
  });

  it('name every option and every architecture', () => {
    for (const name of [...Object.keys(FormatOptions.properties), ...GGUF_ARCHITECTURES])
      assert.ok(conversions.includes(`\`${name}\``), name);
  });

  it('have links that lead somewhere', () => {
    for (const [, target] of `${formats}${conversions}${checks}`.matchAll(/\]\(([^)#\s]+)[^)]*\)/g))
      assert.ok(existsSync(join(DOCS, target!)), target);
  });
});
