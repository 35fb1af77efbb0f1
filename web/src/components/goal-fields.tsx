import { useId, useState } from 'preact/hooks';
import { formatBytes, formatPercent } from '../../../src/charts/format.ts';
import type { CurveLine } from './size-curve.tsx';

const UNIT_BYTES: Readonly<Record<string, number>> = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

interface GoalFieldsProps {
  /** The name of the line. */
  readonly name: string;
  readonly line: CurveLine;
  /** The error that the line shows. */
  readonly what: string;
}

/** Fields for the largest error and the largest size that the choice may have, on the chosen line of the curve. */
export function GoalFields({ name, line, what }: GoalFieldsProps) {
  const open = line.points.filter(({ refusal }) => refusal === undefined);
  const [smallest, largest] = [open[0] ?? line.place, open.at(-1) ?? line.place];
  const unit = formatBytes(largest.bytes).split('\u00a0')[1]!;
  return (
    <fieldset class="goals">
      <legend class="unseen">{name}</legend>
      <GoalField
        line={line}
        label={`${what[0]!.toUpperCase()}${what.slice(1)} at most`}
        unit="%"
        now={formatPercent(line.place.error).split('\u00a0')[0]!}
        bytesFor={(percent) => (open.find(({ error }) => error <= percent / 100) ?? largest).bytes}
        noteOn={(percent) =>
          largest.error > percent / 100 && `The smallest possible error is ${formatPercent(largest.error)}.`
        }
      />
      <GoalField
        line={line}
        label="Size at most"
        unit={unit}
        now={(line.place.bytes / UNIT_BYTES[unit]!).toPrecision(3)}
        bytesFor={(size) => size * UNIT_BYTES[unit]!}
        noteOn={(size) =>
          smallest.bytes > size * UNIT_BYTES[unit]! &&
          `The smallest possible size is ${formatBytes(smallest.bytes)}.`
        }
      />
    </fieldset>
  );
}

interface GoalFieldProps {
  readonly line: CurveLine;
  readonly label: string;
  readonly unit: string;
  /** The value of the current choice. */
  readonly now: string;
  /** The size that the factors may have so that the goal is met. */
  readonly bytesFor: (goal: number) => number;
  /** The reason why the goal cannot be met; false if it can. */
  readonly noteOn: (goal: number) => string | false;
}

/** A number that the user demands. It is shown until another choice is made. */
function GoalField({ line, label, unit, now, bytesFor, noteOn }: GoalFieldProps) {
  const id = useId();
  const [goal, setGoal] = useState('');
  const [isTyping, setTyping] = useState(false);
  const isGoal = goal !== '' && line.isWithin(bytesFor(Number(goal)));
  const note = isGoal && !isTyping && noteOn(Number(goal));
  return (
    <div class="goal">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="number"
        class="rank-number"
        min={0}
        step="any"
        value={isTyping || isGoal ? goal : ''}
        placeholder={now}
        aria-describedby={`${id}-unit ${id}-note`}
        onInput={({ currentTarget }) => {
          setTyping(true);
          setGoal(currentTarget.value);
        }}
        onBlur={() => setTyping(false)}
        onChange={({ currentTarget: { value } }) => {
          setTyping(false);
          if (value !== '') line.onWithin(bytesFor(Number(value)));
        }}
      />
      <span id={`${id}-unit`}>{unit}</span>
      <p id={`${id}-note`} class="note" role="status">
        {note}
      </p>
    </div>
  );
}
