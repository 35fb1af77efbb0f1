import { formatBytes, formatPercent } from '../../../src/charts/format.ts';
import type { AdapterRecord } from '../../../src/contract/adapter.ts';
import type { FailedResult, SucceededResult } from '../../../src/contract/job.ts';
import type { ServingProfile } from '../../../src/contract/serving.ts';
import { get } from '../api/request.ts';
import { useLoaded } from '../state/use-loaded.ts';
import { describeTarget, rankRange } from '../text/describe-target.ts';
import { DownloadButtons } from './download-buttons.tsx';
import { Panel } from './panel.tsx';
import { ProblemNote } from './problem-note.tsx';
import { Tiles } from './tiles.tsx';
import { VerdictList } from './verdict-list.tsx';
import { Warnings } from './warnings.tsx';

interface ResultCardProps {
  readonly jobId: string;
  readonly index: number;
  readonly result: SucceededResult;
  readonly source: AdapterRecord | null;
  readonly profiles: readonly ServingProfile[];
}

/** One result: its error, its size, whether its server loads it, and its files. */
export function ResultCard({ jobId, index, result, source, profiles }: ResultCardProps) {
  const { adapter_id: id, relative_error: error, energy_retained: energy, worst_module: worst } = result;
  const mean = result.module_relative_error;
  const made = useLoaded((signal) => get<AdapterRecord>(`/v1/adapters/${id}`, signal), [id]);
  // A module is named only if its error is visible.
  const isWorse = worst !== null && formatPercent(worst.relative_error) !== formatPercent(0);
  const before = source && Math.max(...source.files.map(({ bytes }) => bytes));
  return (
    <Panel
      title={describeTarget(result.target)}
      class="result"
      actions={<a href={`#/compare?a=${jobId}.${index}`}>Compare</a>}
    >
      <Tiles
        tiles={[
          mean === undefined
            ? { title: 'Relative error', value: formatPercent(error), note: 'measured on the written file' }
            : {
                title: 'Mean module error',
                value: formatPercent(mean),
                note: `measured on the written file; whole adapter ${formatPercent(error)}`,
              },
          {
            title: 'Size',
            value: formatBytes(result.bytes),
            note: before ? `was ${formatBytes(before)}` : undefined,
          },
          {
            title: 'Rank',
            value: rankRange(result.rank),
            note: source ? `was ${rankRange(source.ranks)}` : undefined,
          },
          {
            title: 'Worst module',
            value: isWorse ? formatPercent(worst.relative_error) : '–',
            note: isWorse ? (
              <bdi class="module-name">{worst.name}</bdi>
            ) : (
              `energy kept ${formatPercent(energy)}`
            ),
          },
        ]}
      />
      {result.serving && (
        <VerdictList
          verdict={result.serving}
          profile={profiles.find(({ name }) => name === result.serving?.profile) ?? null}
          rank={result.rank.max}
        />
      )}
      <Warnings warnings={result.warnings} />
      <ProblemNote problem={made.problem} onAgain={made.again} />
      {made.value && <DownloadButtons adapter={made.value} />}
      <p>
        <a href={`#/adapters/${id}`}>Open this adapter</a>
      </p>
    </Panel>
  );
}

/** A target that failed, with the reason. */
export function FailedCard({ result: { target, error } }: { result: FailedResult }) {
  return (
    <Panel title={describeTarget(target)} class="result">
      <ProblemNote problem={error} />
    </Panel>
  );
}
