import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

interface SelectFieldProps<T extends string> {
  readonly label: string;
  readonly value: T;
  readonly options: readonly (readonly [value: T, title: string])[];
  readonly onValue: (value: T) => void;
  readonly note?: ComponentChildren;
}

export function SelectField<T extends string>({ label, value, options, onValue, note }: SelectFieldProps<T>) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value}
        aria-describedby={note ? `${id}-note` : undefined}
        onChange={({ currentTarget }) => onValue(currentTarget.value as T)}
      >
        {options.map(([one, title]) => (
          <option key={one} value={one}>
            {title}
          </option>
        ))}
      </select>
      {note && (
        <p id={`${id}-note`} class="note">
          {note}
        </p>
      )}
    </div>
  );
}

interface NumberFieldProps {
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly onValue: (value: number) => void;
}

/** A number with a slider beside it. */
export function NumberField({ label, value, min, max, step, onValue }: NumberFieldProps) {
  const id = useId();
  const bounds = { min, max, step, value };
  const take = ({ currentTarget }: { currentTarget: HTMLInputElement }) => {
    const next = Number(currentTarget.value);
    if (currentTarget.value !== '' && next >= min && next <= max) onValue(next);
  };
  return (
    <div class="field">
      <div class="row spread">
        <label for={id}>{label}</label>
        <input id={id} type="number" class="rank-number" {...bounds} onInput={take} />
      </div>
      <input type="range" aria-label={`${label}, as a slider`} {...bounds} onInput={take} />
    </div>
  );
}

interface TickFieldProps {
  readonly label: string;
  readonly isOn: boolean;
  readonly onChange: (isOn: boolean) => void;
}

export function TickField({ label, isOn, onChange }: TickFieldProps) {
  return (
    <label class="tick">
      <input
        type="checkbox"
        checked={isOn}
        onChange={({ currentTarget }) => onChange(currentTarget.checked)}
      />
      {label}
    </label>
  );
}
