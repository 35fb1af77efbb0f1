import { useState } from 'preact/hooks';
import { formatPercent } from '../../../src/charts/format.ts';
import type { RunRecord, RunRequest } from '../../../src/contract/run.ts';
import type { Schedule, ScheduleRequest } from '../../../src/contract/schedule.ts';
import { post } from '../api/request.ts';
import { ActionButton } from '../components/action-button.tsx';
import { Form, type FormValues, SelectInput, TextInput } from '../components/form.tsx';
import { Panel } from '../components/panel.tsx';
import { Timeline } from '../components/timeline.tsx';
import { hasScope } from '../state/access.ts';
import { notifyTopics } from '../state/live.ts';
import { navigatorFromHere } from '../state/route.ts';
import { useTitle } from '../state/title.ts';
import { FIELD_LABELS } from '../text/field-labels.ts';

/** A request with the schedule that the service planned for it. */
interface Planned {
  readonly request: ScheduleRequest;
  readonly name: string | undefined;
  readonly schedule: Schedule;
}

/** A form that plans the schedule of an annealing, and starts a run with it: `#/runs/new`. */
export function PlanPage() {
  const [planned, setPlanned] = useState<Planned | null>(null);
  useTitle('New annealing run');
  const plan = async (entered: FormValues) => {
    const request = requestOf(entered);
    const schedule = await post<Schedule>('/v1/schedules', request);
    setPlanned({ request, name: entered.get('name'), schedule });
  };
  return (
    <div class="stack">
      <h1>New annealing run</h1>
      <Panel
        title="From which rank to which?"
        note="The training starts at the first rank. The service squeezes the adapter at the planned steps until it reaches the final rank."
      >
        <Form submit="Plan" onSubmit={plan}>
          <div class="filters">
            <TextInput
              label={FIELD_LABELS.source_rank}
              name="source_rank"
              type="number"
              value="32"
              min={1}
              isRequired
            />
            <TextInput
              label={FIELD_LABELS.target_rank}
              name="target_rank"
              type="number"
              value="8"
              min={1}
              isRequired
            />
            <TextInput
              label={FIELD_LABELS.total_steps}
              name="total_steps"
              type="number"
              value="3000"
              min={1}
              isRequired
            />
            <TextInput label="Stages" name="stages" type="number" min={1} max={64} placeholder="automatic" />
            <SelectInput
              label="Learning rate of the trainer"
              name="learning_rate"
              options={[
                ['recommended', 'As planned, stage by stage'],
                ['constant', 'Constant'],
                ['linear', 'Linear decay over all steps'],
                ['cosine', 'Cosine decay over all steps'],
              ]}
            />
            <TextInput label="Name of the run" name="name" />
          </div>
        </Form>
      </Panel>
      <div role="status">{planned && <Plan planned={planned} />}</div>
    </div>
  );
}

function requestOf(entered: FormValues): ScheduleRequest {
  const numberOf = (name: string) => Number(entered.get(name));
  return {
    source_rank: numberOf('source_rank'),
    target_rank: numberOf('target_rank'),
    total_steps: numberOf('total_steps'),
    ...(entered.has('stages') && { stages: numberOf('stages') }),
    learning_rate: { schedule: entered.get('learning_rate') as 'recommended' },
  };
}

/** The planned ranks and learning rates over the steps, and the button that starts a run with them. */
function Plan({ planned: { request, name, schedule } }: { planned: Planned }) {
  const [first] = schedule.stages;
  const start = async () => {
    const go = navigatorFromHere();
    const run = await post<RunRecord>('/v1/runs', {
      schedule: request,
      ...(name !== undefined && { name }),
    } satisfies RunRequest);
    notifyTopics('runs');
    go(`/runs/${run.id}`);
  };
  return (
    <div class="stack">
      <Timeline
        run={{
          request: { schedule: request },
          schedule,
          checkpoints: [],
          rank: { min: schedule.source_rank, max: schedule.source_rank },
          step: null,
          learning_rate: { ...first!.learning_rate, begin_step: 0, end_step: first!.end_step },
        }}
      />
      <Panel
        title="The plan"
        note={`Averaged over the steps, the adapter has ${formatPercent(schedule.relative_cost)} of the parameters that it would have at rank ${schedule.source_rank}.`}
      >
        {schedule.notes.map((note) => (
          <p key={note}>{note}</p>
        ))}
        {hasScope('write') && (
          <div class="row">
            <ActionButton scope="write" class="primary" onAct={start}>
              {`Start a run of ${schedule.stages.length} ${schedule.stages.length === 1 ? 'stage' : 'stages'}`}
            </ActionButton>
            <span class="note">
              The trainer then sends its checkpoints to the run, with a client or the <a href="/docs">API</a>.
            </span>
          </div>
        )}
      </Panel>
    </div>
  );
}
