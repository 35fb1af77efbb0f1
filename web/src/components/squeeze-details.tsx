import { useRef, useState } from 'preact/hooks';
import { heatMapHeight } from '../../../src/charts/layer-heat-map.ts';
import { moduleGrid } from '../../../src/charts/module-grid.ts';
import { validCheckpoints } from '../../../src/charts/run-timeline.ts';
import { succeededTargets } from '../../../src/charts/succeeded-targets.ts';
import type { Report } from '../../../src/contract/report.ts';
import type { RunRecord } from '../../../src/contract/run.ts';
import { get } from '../api/request.ts';
import { useLoaded } from '../state/use-loaded.ts';
import { ErrorMap } from './error-map.tsx';
import { SelectField } from './field.tsx';
import { ProblemNote } from './problem-note.tsx';
import { SpectraPanel } from './spectra-panel.tsx';

/** The error of each module and the spectra at one squeeze of a run: the newest, or the one that is chosen. */
export function SqueezeDetails({ run }: { run: RunRecord }) {
  const [chosen, setChosen] = useState('');
  const squeezes = validCheckpoints(run).filter(({ job_id: job }) => job !== null);
  const squeeze = squeezes.find(({ step }) => String(step) === chosen) ?? squeezes.at(-1);
  const jobId = squeeze?.job_id ?? null;
  const { value: report, problem } = useLoaded(
    (signal) => (jobId === null ? null : get<Report>(`/v1/jobs/${jobId}/report`, signal)),
    [jobId],
  );
  const [picked, setPicked] = useState<number>();
  // While another report is loaded, the last one stays: otherwise the choice would disappear with it.
  const last = useRef<{ readonly report: Report; readonly rank: number | undefined } | undefined>(undefined);
  if (report) last.current = { report, rank: squeeze?.rank_after?.max };
  if (problem) return <ProblemNote problem={problem} />;
  const shown = last.current;
  const target = shown && succeededTargets(shown.report)[0];
  if (!squeeze || !shown || !target) return null;
  const steps = squeezes.map(({ step }) => [String(step), step.toLocaleString('en')] as const);
  const isKnown = picked !== undefined && picked < target.modules.length;
  return (
    <div class="report">
      <ErrorMap
        target={target}
        picked={isKnown ? picked : undefined}
        onPick={setPicked}
        actions={
          <SelectField
            label="Squeeze at step"
            value={String(squeeze.step)}
            options={[['', 'the newest'], ...steps]}
            onValue={setChosen}
          />
        }
      />
      <SpectraPanel
        modules={shown.report.modules}
        picked={isKnown ? target.modules[picked]!.name : undefined}
        rank={shown.rank}
        height={heatMapHeight(moduleGrid(target.modules.map(({ name }) => name)))}
      />
    </div>
  );
}
