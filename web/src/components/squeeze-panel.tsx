import { useState } from 'preact/hooks';
import { describeSqueeze, formatBytes, formatPercent } from '../../../src/charts/format.ts';
import type { JobRecord } from '../../../src/contract/job.ts';
import type { ServingProfile } from '../../../src/contract/serving.ts';
import type { Target } from '../../../src/contract/target.ts';
import { type Problem, problemOf } from '../api/problem.ts';
import { post } from '../api/request.ts';
import { startJob } from '../api/start-job.ts';
import type { Conversions } from '../preview/format-options.ts';
import type { Preview } from '../preview/preview.ts';
import { unequalRanksRefusal } from '../preview/rank-choices.ts';
import type { SqueezeRequest } from '../preview/request-text.ts';
import { isReader } from '../state/access.ts';
import { navigatorFromHere } from '../state/route.ts';
import type { Choice } from '../state/use-choice.ts';
import { describeTarget, FORMAT_WORDS, serverInWords } from '../text/describe-target.ts';
import { CopyRequest } from './copy-request.tsx';
import { ForeseenFaults } from './foreseen-faults.tsx';
import { Panel } from './panel.tsx';
import { AdvancedChoice, PolicyFields } from './policy-choice.tsx';
import { ProblemNote } from './problem-note.tsx';
import { ProfileChoice } from './profile-choice.tsx';
import { RankControl } from './rank-control.tsx';
import { SizeControl } from './size-control.tsx';
import type { CurveLine } from './size-curve.tsx';
import { Tiles } from './tiles.tsx';

/** The largest number of targets in one job. */
const MAX_TARGETS = 16;

/** The formats with a file adapter_config.json, which a squeeze keeps. */
const WITH_CONFIG: readonly string[] = ['peft', 'mlx'];

interface SqueezePanelProps {
  readonly adapterId: string;
  readonly choice: Choice;
  readonly byModule: CurveLine;
  /** Takes the last change of pins back; null if there is none. */
  readonly onUndo: (() => void) | null;
  readonly profiles: readonly ServingProfile[];
  readonly conversions: Conversions;
  readonly recommended: { readonly rank: number; readonly reason: string };
  readonly source: { readonly bytes: number; readonly rank: number };
}

/** The choice of what to write, with its cost and the button that starts the job. */
export function SqueezePanel(props: SqueezePanelProps) {
  const { adapterId, choice, byModule, recommended, source } = props;
  const { form, profile, target, preview, objection, refusal, isReady, onChange } = choice;
  const [more, setMore] = useState<readonly Target[]>([]);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isStarting, setStarting] = useState(false);
  const request: SqueezeRequest = {
    kind: 'squeeze',
    adapter_id: adapterId,
    targets: isAmong(target, more) ? more : [...more, target],
    ...(form.isExact && { options: { method: 'exact' } }),
  };

  async function start(): Promise<void> {
    const go = navigatorFromHere();
    setStarting(true);
    setProblem(null);
    try {
      // Only the service's checks find everything that a conversion may lack; a squeeze in the same format
      // can lack nothing.
      const isConverted = request.targets.some(({ format }) => format !== undefined);
      const { id } = await (isConverted
        ? startJob({ ...request, targets: [...request.targets] })
        : post<JobRecord>('/v1/jobs', request));
      go(`/jobs/${id}`);
    } catch (error) {
      setProblem(problemOf(error));
      setStarting(false);
    }
  }
  return (
    <Panel title="Squeeze" class="squeeze">
      <ProfileChoice
        profiles={props.profiles}
        profile={profile}
        set={form.serverRank}
        onName={(name) => onChange({ profile: name, serverRank: null })}
        onSet={(serverRank) => onChange({ serverRank })}
      />
      <ForeseenFaults
        adapterId={adapterId}
        profile={profile}
        keepsConfig={form.format === '' && WITH_CONFIG.includes(props.conversions.own)}
      />
      <fieldset class="switch">
        <legend class="unseen">Ranks</legend>
        <button
          type="button"
          aria-pressed={form.policy === 'rank'}
          onClick={() => onChange({ policy: 'rank' })}
        >
          One rank for all
        </button>
        <button
          type="button"
          aria-pressed={form.policy === 'modules'}
          disabled={refusal !== null}
          onClick={() => onChange({ policy: 'modules', ...sizeNow(choice) })}
        >
          Ranks by module
        </button>
      </fieldset>
      {refusal !== null && <p class="note">{refusal}</p>}
      {profile === null && form.policy !== 'rank' && preview && preview.rank.min !== preview.rank.max && (
        <RefusedByAll profiles={props.profiles} />
      )}
      {form.policy === 'rank' && (
        <RankControl
          choices={choice.choices}
          note={choice.rankNote}
          rank={form.rank}
          words={`rank ${form.rank}: ${preview ? inWords(preview) : ''}`}
          recommended={recommended.rank}
          onRank={(rank) => onChange({ rank })}
        />
      )}
      {form.policy === 'modules' && (
        <SizeControl
          line={byModule}
          pinned={choice.pins.size}
          onUnpinAll={() => onChange({ pins: new Map() })}
          unreached={choice.unreached}
          onUndo={props.onUndo}
        />
      )}
      {form.policy !== 'rank' && form.policy !== 'modules' && (
        <PolicyFields form={form} onChange={onChange} />
      )}
      {preview && <Sentence preview={preview} source={source} />}
      {choice.missed !== null && <p class="problem">{choice.missed}</p>}
      <ProblemNote
        problem={
          objection === null
            ? null
            : { title: 'This choice is not possible', detail: objection, code: 'VALIDATION_FAILED' }
        }
      />
      {isReader() ? (
        <p class="note">This key may only read: you can preview a choice, but not submit it.</p>
      ) : (
        <div class="row">
          <button
            type="button"
            class={`grow${preview && isUnchanged(preview, source) && form.format === '' ? '' : ' primary'}`}
            disabled={isStarting || !isReady || objection !== null}
            onClick={() => void start()}
          >
            {isStarting ? 'Starting…' : actionInWords(choice, source.rank)}
          </button>
          <button
            type="button"
            title="Makes this result too, in the same job"
            disabled={
              !isReady || objection !== null || more.length >= MAX_TARGETS - 1 || isAmong(target, more)
            }
            onClick={() => setMore([...more, target])}
          >
            Add to job
          </button>
        </div>
      )}
      {more.length > 0 && (
        <ul class="chips" aria-label="Also made by this job">
          {more.map((one, index) => (
            <li key={JSON.stringify(one)}>
              {describeTarget(one)}
              <button
                type="button"
                aria-label={`Remove ${describeTarget(one)}`}
                onClick={() => setMore(more.filter((_, other) => other !== index))}
              >
                ×
              </button>
            </li>
          ))}
        </ul>
      )}
      <ProblemNote problem={problem} onAgain={() => void start()} />
      {preview && <PreviewTiles preview={preview} sourceBytes={source.bytes} />}
      {form.policy === 'rank' && form.rank === recommended.rank && <p class="note">{recommended.reason}</p>}
      <AdvancedChoice form={form} conversions={props.conversions} onChange={onChange} />
      <CopyRequest request={request} />
    </Panel>
  );
}

/** Says if no server that reads the format of the result loads different ranks. */
function RefusedByAll({ profiles }: { profiles: readonly ServingProfile[] }) {
  const refusals = profiles.flatMap((one) => unequalRanksRefusal(one) ?? []);
  if (refusals.length === 0 || refusals.length < profiles.length) return null;
  return (
    <p class="note">{`${refusals.join(' ')} This result has different ranks: choose one rank for all.`}</p>
  );
}

function Sentence({ preview, source }: { preview: Preview; source: SqueezePanelProps['source'] }) {
  const { rank, bytes, relative_error: error } = preview;
  return (
    <p>
      <strong>{describeSqueeze({ rank, bytes, bytesBefore: source.bytes, energy: 1 - error ** 2 })}</strong>
    </p>
  );
}

function PreviewTiles({ preview, sourceBytes }: { preview: Preview; sourceBytes: number }) {
  const { bytes, worst } = preview;
  return (
    <Tiles
      tiles={[
        {
          title: 'Mean module error',
          value: formatPercent(preview.module_relative_error),
          note: `least possible; whole adapter ${formatPercent(preview.relative_error)}`,
        },
        {
          title: 'Energy kept',
          value: formatPercent(1 - preview.relative_error ** 2),
          note: `mean of the modules ${formatPercent(preview.module_energy_retained)}`,
        },
        {
          title: 'Size of the factors',
          value: formatBytes(bytes),
          note: `of ${formatBytes(sourceBytes)}, ${formatPercent(bytes / sourceBytes)}`,
        },
        {
          title: 'Worst module',
          value: worst ? formatPercent(worst.relative_error) : '–',
          note: worst ? <bdi class="module-name">{worst.name}</bdi> : 'nothing is lost',
        },
      ]}
    />
  );
}

/** The size of the current choice, from which ranks by module start. */
const sizeNow = ({ preview }: Choice) => (preview ? { parameters: preview.parameters } : {});

/** What the button does. At the rank of the source, only the format changes. */
function actionInWords(choice: Choice, sourceRank: number): string {
  const { policy, rank, format, profile } = choice.form;
  if (policy !== 'rank' || rank < sourceRank || format === '') return `Squeeze to ${wishInWords(choice)}`;
  return `Convert to ${FORMAT_WORDS[format]}${profile === '' ? '' : ` for ${serverInWords(profile)}`}`;
}

/** Describes the choice as the job does, but by its size, which says more than a number of parameters or a pattern. */
function wishInWords({ form, target, preview }: Choice): string {
  if (form.policy !== 'modules' || !preview) return describeTarget(target);
  if (form.pins.size > 0) return `${describeTarget(target)} (${formatBytes(preview.bytes)})`;
  return describeTarget({ ...withoutBudget(target), budget_bytes: preview.bytes } as Target);
}

const withoutBudget = ({ budget_parameters: _, ...others }: Target & { budget_parameters?: number }) =>
  others;

const isUnchanged = ({ bytes }: Preview, source: SqueezePanelProps['source']): boolean =>
  bytes >= source.bytes;

const inWords = ({ module_relative_error: error, bytes }: Preview): string =>
  `error ${formatPercent(error)}, size ${formatBytes(bytes)}`;

const isAmong = (target: Target, others: readonly Target[]): boolean =>
  others.some((other) => JSON.stringify(other) === JSON.stringify(target));
