import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { composeConfig, composeProgram, ROOT } from './compose-file.ts';
import { anchorsOf } from './markdown.ts';

const HOUR_SECONDS = 3600;
/** Rows are rounded to three digits. */
const ROUNDING = 0.005;

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const page = read('docs/deploy.md');
const benchmark = read('docs/benchmark.md');

/** The cells of the first row of a page that begins with these cells. */
function row(text: string, ...first: string[]): string[] {
  const rows = text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  const found = rows.find((cells) => first.every((cell, i) => cells[i] === cell));
  assert.ok(found, `no row ${first.join(' | ')}`);
  return found;
}

const number = (cell: string | undefined): number => Number(cell?.replaceAll(',', ''));

function assertNear(actual: number, expected: number, what: string): void {
  assert.ok(Math.abs(actual / expected - 1) < ROUNDING, `${what}: ${actual}, by the benchmark ${expected}`);
}

describe('docs/deploy.md', () => {
  it('states the capacity that the benchmark measured', () => {
    const jobsAnHour = (rate: number) => HOUR_SECONDS * rate;
    const measured = [
      ['4.2 MB', 1 / number(row(benchmark, '4.2 MB', '32', '8', '4')[4])],
      ['80 MB (', number(row(benchmark, '1', '2')[2]) / 60],
      ['80 MB', number(row(benchmark, '2', '1')[2]) / 60],
      ['320 MB', 1 / number(row(benchmark, 'LoRA-Squeeze rsvd')[2])],
      ['11 GB', 1 / number(row(benchmark, '11 GB')[4])],
    ] as const;
    const table = page.split('| adapter | setting |')[1]!.split('\n').slice(2, 7);
    for (const [i, [adapter, rate]] of measured.entries()) {
      const [name, , , anHour, aDay] = table[i]!.split('|')
        .slice(1, -1)
        .map((cell) => cell.trim());
      assert.ok(name!.startsWith(adapter), `${name} is not ${adapter}`);
      assertNear(number(anHour), jobsAnHour(rate), `${name}, an hour`);
      assertNear(number(aDay), 24 * jobsAnHour(rate), `${name}, a day`);
    }
  });

  it('names only variables and profiles of docker-compose.yml', (t) => {
    const file = read('docker-compose.yml');
    const [, variables] = /variables in `\.env`: (.+) \|/.exec(page)!;
    for (const [, name] of variables!.matchAll(/`(\w+)`/g)) assert.ok(file.includes(`\${${name}:-`), name);
    const program = composeProgram();
    if (!program) return t.skip('docker-compose is not installed (Debian: docker-compose)');
    const named = [...page.matchAll(/--profile (\w+)/g)].map(([, profile]) => profile!);
    assert.ok(named.length > 0);
    for (const profile of named) {
      const { services } = composeConfig(program, ['--profile', profile]);
      assert.ok(
        Object.values(services).some(({ profiles }) => profiles?.includes(profile)),
        `no service has the profile ${profile}`,
      );
    }
  });
});

describe('documents', () => {
  const pages = [
    ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
    ...['docs', 'deploy', 'examples', 'clients'].flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('.md') && !path.includes('node_modules'))
        .map((path) => `${folder}/${path}`),
    ),
  ];

  for (const path of pages)
    it(`link only to files and headings that exist: ${path}`, () => {
      for (const [, target, anchor] of withoutCode(read(path)).matchAll(/\]\(([^)#\s]*)(?:#([^)\s]+))?\)/g)) {
        if (/^[a-z]+:/.test(target!)) continue;
        const file = target ? join(dirname(path), target) : path;
        assert.ok(existsSync(join(ROOT, file)), `no file ${file}`);
        if (anchor && file.endsWith('.md'))
          assert.ok(anchorsOf(read(file)).includes(anchor), `no heading #${anchor} in ${file}`);
      }
    });
});

const withoutCode = (markdown: string): string =>
  markdown.replaceAll(/^ *```.*?^ *```/gms, '').replaceAll(/`[^`\n]*`/g, '');
