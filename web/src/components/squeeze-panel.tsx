import { useState } from 'preact/hooks';
import { bytesInWords, percent } from '../../../src/charts/words.ts';
import type { FormatRecord } from '../../../src/contract/format.ts';
import type { JobRecord } from '../../../src/contract/job.ts';
import type { ServingProfile } from '../../../src/contract/serving.ts';
import type { Target } from '../../../src/contract/target.ts';
import { type Problem, problemOf } from '../api/problem.ts';
import { post } from '../api/request.ts';
import type { Preview } from '../preview/preview.ts';
import type { TargetForm } from '../preview/target-form.ts';
import { wayFromHere } from '../state/route.ts';
import { rankRange, targetInWords } from '../words/target-in-words.ts';
import { Panel } from './panel.tsx';
import { AdvancedChoice, PolicyFields } from './policy-choice.tsx';
import { ProblemNote } from './problem-note.tsx';
import { ProfileChoice } from './profile-choice.tsx';
import { RankControl } from './rank-control.tsx';
import { Tiles } from './tiles.tsx';

/** Targets of one job at most. */
const MAX_TARGETS = 16;

interface SqueezePanelProps {
  readonly adapterId: string;
  readonly form: TargetForm;
  readonly target: Target;
  readonly choices: readonly number[];
  readonly profiles: readonly ServingProfile[];
  readonly profile: ServingProfile | null;
  readonly formats: readonly FormatRecord[];
  readonly recommended: { readonly rank: number; readonly reason: string };
  /** null: cannot be told before the job. */
  readonly preview: Preview | null;
  readonly sourceBytes: number;
  /** Why the choice cannot be. */
  readonly objection: string | null;
  readonly onChange: (change: Partial<TargetForm>) => void;
}

/** What is to become of the adapter, and what that would cost. */
export function SqueezePanel(props: SqueezePanelProps) {
  const { adapterId, form, target, choices, profile, recommended, preview, objection, onChange } = props;
  const [more, setMore] = useState<readonly Target[]>([]);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isStarting, setStarting] = useState(false);

  async function start(): Promise<void> {
    const go = wayFromHere();
    setStarting(true);
    setProblem(null);
    try {
      const targets = [...more, target];
      const options = form.isExact ? { method: 'exact' } : undefined;
      const request = { kind: 'squeeze', adapter_id: adapterId, targets, options };
      const { id } = await post<JobRecord>('/v1/jobs', request);
      go(`/jobs/${id}`);
    } catch (error) {
      setProblem(problemOf(error));
      setStarting(false);
    }
  }
  const words = preview ? inWords(preview) : '';
  return (
    <Panel title="Squeeze" class="squeeze">
      <ProfileChoice
        profiles={props.profiles}
        profile={profile}
        rank={form.policy === 'rank' ? form.rank : 0}
        onName={(name) => onChange({ profile: name })}
      />
      {form.policy === 'rank' ? (
        <RankControl
          choices={choices}
          rank={form.rank}
          words={`rank ${form.rank}: ${words}`}
          recommended={recommended.rank}
          onRank={(rank) => onChange({ rank })}
        />
      ) : (
        <PolicyFields form={form} onChange={onChange} />
      )}
      {preview && <PreviewTiles preview={preview} sourceBytes={props.sourceBytes} />}
      <ProblemNote
        problem={
          objection === null
            ? null
            : { title: 'This cannot be', detail: objection, code: 'VALIDATION_FAILED' }
        }
      />
      {form.policy === 'rank' && form.rank === recommended.rank && <p class="note">{recommended.reason}</p>}
      <AdvancedChoice form={form} formats={props.formats} onChange={onChange} />
      {more.length > 0 && (
        <ul class="chips" aria-label="Also made by this job">
          {more.map((one, index) => (
            <li key={JSON.stringify(one)}>
              {targetInWords(one)}
              <button
                type="button"
                aria-label={`Leave out ${targetInWords(one)}`}
                onClick={() => setMore(more.filter((_, other) => other !== index))}
              >
                ×
              </button>
            </li>
          ))}
        </ul>
      )}
      <div class="row">
        <button
          type="button"
          class="primary grow"
          disabled={isStarting || objection !== null}
          onClick={() => void start()}
        >
          {isStarting ? 'Starting…' : `Squeeze to ${targetInWords(target)}`}
        </button>
        <button
          type="button"
          title="Make this one too, in the same job"
          disabled={objection !== null || more.length >= MAX_TARGETS - 1 || isAmong(target, more)}
          onClick={() => setMore([...more, target])}
        >
          Add
        </button>
      </div>
      <ProblemNote problem={problem} onAgain={() => void start()} />
    </Panel>
  );
}

function PreviewTiles({ preview, sourceBytes }: { preview: Preview; sourceBytes: number }) {
  const { bytes, worst, rank } = preview;
  return (
    <Tiles
      tiles={[
        {
          title: 'Mean module error',
          value: percent(preview.module_relative_error),
          note: `least possible; whole adapter ${percent(preview.relative_error)}`,
        },
        {
          title: 'Energy kept',
          value: percent(preview.module_energy_retained),
          note: `mean of the modules, rank ${rankRange(rank)}`,
        },
        {
          title: 'Size of the factors',
          value: bytesInWords(bytes),
          note: `of ${bytesInWords(sourceBytes)}, ${percent(bytes / sourceBytes)}`,
        },
        {
          title: 'Worst module',
          value: worst ? percent(worst.relative_error) : '–',
          note: worst ? <bdi class="module-name">{worst.name}</bdi> : 'nothing is lost',
        },
      ]}
    />
  );
}

const inWords = ({ module_relative_error: error, bytes }: Preview): string =>
  `error ${percent(error)}, size ${bytesInWords(bytes)}`;

const isAmong = (target: Target, others: readonly Target[]): boolean =>
  others.some((other) => JSON.stringify(other) === JSON.stringify(target));
