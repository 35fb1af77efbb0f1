import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, release, totalmem } from 'node:os';

/** Read before anything is measured, because the figures that a benchmark draws change the working tree. */
const REVISION = revision();

/** The conditions without which a measurement is worthless: machine, versions and date, one line each. */
export function describeMachine(versions: Readonly<Record<string, string>>): string[] {
  const cores = availableParallelism();
  return [
    `Machine: ${cpus()[0]?.model ?? 'unknown CPU'}, ${cores} core${cores === 1 ? '' : 's'}, ` +
      `${(totalmem() / 2 ** 30).toFixed(0)} GiB, Linux ${release()}`,
    `Versions: ${Object.entries({ Node: process.versions.node, ...versions })
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}`,
    `Date: ${new Date().toISOString().slice(0, 10)}, revision ${REVISION}`,
  ];
}

function revision(): string {
  try {
    const git = (...words: string[]) =>
      execFileSync('git', words, { encoding: 'utf8', stdio: 'pipe' }).trim();
    return (
      git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '-uno') ? ' with changes' : '')
    );
  } catch {
    return 'unknown';
  }
}
