import { useState } from 'preact/hooks';
import { asFileName } from '../../../src/adapter/file-names.ts';
import { formatBytes } from '../../../src/charts/format.ts';
import type { AdapterRecord } from '../../../src/contract/adapter.ts';
import { download } from '../api/download.ts';
import { type Problem, problemOf } from '../api/problem.ts';
import { ProblemNote } from './problem-note.tsx';

/** Buttons to download the files of an adapter, one by one or as a zip. */
export function DownloadButtons({ adapter }: { adapter: Pick<AdapterRecord, 'id' | 'name' | 'files'> }) {
  const { id, name: called, files } = adapter;
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState<string | null>(null);
  async function save(path: string, name: string): Promise<void> {
    setProblem(null);
    setBusy(name);
    await download(path, name).catch((error: unknown) => setProblem(problemOf(error)));
    setBusy(null);
  }
  const base = `/v1/adapters/${id}`;
  const all: [name: string, path: string, title: string][] = [
    ...files.map(({ name, bytes }): [string, string, string] => [
      name,
      `${base}/files/${encodeURIComponent(name)}`,
      `${name}, ${formatBytes(bytes)}`,
    ]),
    [`${asFileName(called)}.zip`, `${base}/archive`, 'All as zip'],
  ];
  return (
    <div class="downloads">
      {all.map(([name, path, title]) => (
        <button
          key={name}
          type="button"
          class="download"
          disabled={busy === name}
          onClick={() => void save(path, name)}
        >
          <span aria-hidden="true">↓</span> {title}
        </button>
      ))}
      <ProblemNote problem={problem} />
    </div>
  );
}
