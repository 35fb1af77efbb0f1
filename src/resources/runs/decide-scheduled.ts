import type { Schedule, Stage } from '../../contract/schedule.ts';
import { stageAt } from '../../schedule/position.ts';
import type { Plan } from './decide.ts';
import type { Position } from './lineage.ts';

/**
 * To the rank of the stage that training is in, if it is not there yet. A late checkpoint goes straight to the rank it
 * should have by now; stages that were missed are passed over.
 */
export function decideScheduled(schedule: Schedule, { stageRank }: Position, step: number): Plan {
  const { stages } = schedule;
  const stage = stageAt(schedule, step);
  const name = nameOf(stage, stages);
  if (stageRank <= stage.rank) {
    const until =
      stage === stages.at(-1) ? 'is the last one, until the end' : `lasts until step ${stage.end_step}`;
    return { kind: 'keep', reason: `${name} ${until}.` };
  }
  const lateBySteps = step - stage.begin_step;
  const late = lateBySteps > 0 ? `, ${lateBySteps} steps ago` : '';
  const skipped = stages.filter((other) => other.index < stage.index && other.rank < stageRank);
  const passed = skipped.length > 0 ? ` Passed over: ${skipped.map(short).join(', ')}.` : '';
  return {
    kind: 'squeeze',
    goal: { rank: stage.rank },
    stageRank: stage.rank,
    reason: `${name} began at step ${stage.begin_step}${late}.${passed}`,
    lateBySteps,
  };
}

const nameOf = (stage: Stage, stages: readonly Stage[]): string =>
  `Stage ${stage.index + 1} of ${stages.length} (rank ${stage.rank})`;

const short = ({ index, rank }: Stage): string => `stage ${index + 1} (rank ${rank})`;
