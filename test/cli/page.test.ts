import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { EXIT } from '../../src/cli/command-error.ts';
import { COMMANDS as ALL } from '../../src/cli/program.ts';
import { ROOT } from './command.ts';

const PAGE = 'docs/command.md';
/** The commands of `admin` have a page of their own. */
const COMMANDS = ALL.filter(({ name }) => !name.startsWith('admin '));
const page = readFileSync(join(ROOT, PAGE), 'utf8');

describe(PAGE, () => {
  it('has every command and every option, and no others', () => {
    for (const { name } of COMMANDS) assert.ok(page.includes(`\`${name}`), name);
    const known = COMMANDS.flatMap(({ groups }) => groups.flatMap(({ options }) => options));
    for (const { name } of known) assert.match(page, new RegExp(`--${name}(?![a-z-])`), name);
    const names = new Set([...known.map(({ name }) => name), 'help']);
    const elsewhere = new Set(['rm', 'user', 'entrypoint', 'ignore-scripts', 'prefix']);
    for (const [, name] of page.matchAll(/(?<![\w-])--([a-z][a-z-]*)/g)) {
      assert.ok(names.has(name!.replace(/^no-/, '')) || elsewhere.has(name!), `--${name}`);
    }
  });

  it('has every exit code', () => {
    for (const code of Object.values(EXIT))
      assert.match(page, new RegExp(`^\\| .*\\b${code}\\b.* \\| `, 'm'));
  });

  it('has links that lead somewhere', () => {
    const links = [...page.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map(([, target]) => target!);
    assert.ok(links.length >= 5);
    for (const target of links) assert.ok(existsSync(join(ROOT, dirname(PAGE), target)), target);
  });
});
