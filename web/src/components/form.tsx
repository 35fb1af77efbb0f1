import type { ComponentChildren } from 'preact';
import { useId, useRef, useState } from 'preact/hooks';
import { type Problem, problemOf } from '../api/problem.ts';
import { ProblemNote } from './problem-note.tsx';

/** What was entered, by the names of the fields; ticks that are not set are missing. */
export type Entered = ReadonlyMap<string, string>;

interface FormProps {
  readonly submit: string;
  /** What was entered is kept where this fails. */
  readonly onSubmit: (entered: Entered) => Promise<unknown>;
  readonly children: ComponentChildren;
}

/** Fields that are sent together. Objections of the service appear beside their fields. */
export function Form({ submit, onSubmit, children }: FormProps) {
  const form = useRef<HTMLFormElement>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);
  const send = async (event: Event) => {
    event.preventDefault();
    setProblem(null);
    setBusy(true);
    try {
      await onSubmit(enteredIn(form.current!));
      form.current?.reset();
    } catch (error) {
      setProblem(problemOf(error));
    }
    setBusy(false);
  };
  return (
    <form ref={form} class="form" onSubmit={(event) => void send(event)}>
      {children}
      <ProblemNote problem={problem} />
      <div class="row">
        <button type="submit" class="primary" disabled={isBusy}>
          {submit}
        </button>
      </div>
    </form>
  );
}

/** What the fields of a form have; those that are empty are missing. */
export function enteredIn(form: HTMLFormElement): Entered {
  const entered = new Map<string, string>();
  for (const [name, value] of new FormData(form)) {
    const text = String(value).trim();
    // Ticks of one name are several values of one field.
    if (text !== '') entered.set(name, entered.has(name) ? `${entered.get(name)} ${text}` : text);
  }
  return entered;
}

interface InputProps {
  readonly label: string;
  readonly name: string;
  readonly note?: ComponentChildren;
}

interface TextInputProps extends InputProps {
  readonly type?: 'text' | 'url' | 'number' | 'password';
  readonly value?: string;
  readonly placeholder?: string;
  readonly isRequired?: boolean;
  readonly pattern?: string;
  readonly min?: number;
  readonly max?: number;
  /** What is offered; anything else may be entered as well. */
  readonly offers?: readonly string[];
}

export function TextInput(props: TextInputProps) {
  const { label, name, note, type = 'text', value, placeholder, isRequired, pattern, min, max } = props;
  const { offers = [] } = props;
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        name={name}
        defaultValue={value}
        placeholder={placeholder}
        required={isRequired}
        autocomplete="off"
        spellcheck={false}
        {...({ type } as { type: 'text' })}
        aria-describedby={note ? `${id}-note` : undefined}
        list={offers.length > 0 ? `${id}-offers` : undefined}
        {...{ pattern, min, max, ...(type === 'number' && { step: 'any' }) }}
      />
      {offers.length > 0 && (
        <datalist id={`${id}-offers`}>
          {offers.map((offer) => (
            <option key={offer} value={offer} />
          ))}
        </datalist>
      )}
      <Note id={id} note={note} />
    </div>
  );
}

interface SelectInputProps extends InputProps {
  readonly options: readonly (readonly [value: string, title: string])[];
  readonly value?: string;
}

export function SelectInput({ label, name, note, options, value }: SelectInputProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} name={name} aria-describedby={note ? `${id}-note` : undefined}>
        {options.map(([one, title]) => (
          <option key={one} value={one} selected={one === value}>
            {title}
          </option>
        ))}
      </select>
      <Note id={id} note={note} />
    </div>
  );
}

interface TicksProps {
  readonly legend: string;
  readonly name: string;
  readonly options: readonly (readonly [value: string, title: string, isOn: boolean])[];
}

/** Any of several; the values that are ticked come as one text, with blanks between. */
export const Ticks = ({ legend, name, options }: TicksProps) => (
  <fieldset class="ticks">
    <legend>{legend}</legend>
    {options.map(([value, title, isOn]) => (
      <label key={value} class="tick">
        <input type="checkbox" name={name} value={value} defaultChecked={isOn} />
        {title}
      </label>
    ))}
  </fieldset>
);

const Note = ({ id, note }: { id: string; note?: ComponentChildren }) =>
  note ? (
    <p id={`${id}-note`} class="note">
      {note}
    </p>
  ) : null;
