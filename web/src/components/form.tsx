import { type ComponentChildren, createContext } from 'preact';
import { useContext, useEffect, useId, useMemo, useRef, useState } from 'preact/hooks';
import { type Problem, problemOf } from '../api/problem.ts';
import { ProblemNote } from './problem-note.tsx';

/** The entered values by field name; unticked checkboxes are missing. */
export type FormValues = ReadonlyMap<string, string>;

/** Error messages by field name. */
type Faults = ReadonlyMap<string, string>;

const NO_FAULTS: Faults = new Map();
const FaultsOfForm = createContext(NO_FAULTS);

interface FormProps {
  readonly submit: string;
  /** If this fails, the entered values are kept. */
  readonly onSubmit: (entered: FormValues) => Promise<unknown>;
  /** Called with the values at first and after each change. */
  readonly onEntered?: (entered: FormValues) => void;
  readonly children: ComponentChildren;
}

/** A form. Errors from the service appear below its fields, and at the fields to which they refer. */
export function Form({ submit, onSubmit, onEntered, children }: FormProps) {
  const form = useRef<HTMLFormElement>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);
  const faults = useMemo(() => (problem ? faultsOf(problem, form.current!) : NO_FAULTS), [problem]);
  useEffect(() => onEntered?.(formValues(form.current!)), []);
  useEffect(() => {
    if (faults.size > 0) form.current!.querySelector<HTMLElement>('[aria-invalid=true]')?.focus();
  }, [faults]);
  const send = async (event: Event) => {
    event.preventDefault();
    setProblem(null);
    setBusy(true);
    try {
      await onSubmit(formValues(form.current!));
    } catch (error) {
      setProblem(problemOf(error));
    }
    setBusy(false);
  };
  return (
    <form
      ref={form}
      class="form"
      onSubmit={(event) => void send(event)}
      onInput={({ currentTarget }) => onEntered?.(formValues(currentTarget))}
    >
      <FaultsOfForm.Provider value={faults}>{children}</FaultsOfForm.Provider>
      <ProblemNote problem={problem} />
      <div class="row">
        <button type="submit" class="primary" disabled={isBusy}>
          {submit}
        </button>
      </div>
    </form>
  );
}

/** The values of a form's fields; empty fields are missing. */
export function formValues(form: HTMLFormElement): FormValues {
  const entered = new Map<string, string>();
  for (const [name, value] of new FormData(form)) {
    const text = String(value).trim();
    // Checkboxes with the same name are several values of one field.
    if (text !== '') entered.set(name, entered.has(name) ? `${entered.get(name)} ${text}` : text);
  }
  return entered;
}

/** The first error for each field. The fields have the names of the request's properties. */
function faultsOf({ errors = [] }: Problem, { elements }: HTMLFormElement): Faults {
  const faults = new Map<string, string>();
  for (const { pointer, detail } of errors) {
    const name = pointer.split('/').findLast((part) => part !== '' && elements.namedItem(part) !== null);
    if (name !== undefined && !faults.has(name)) faults.set(name, detail);
  }
  return faults;
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
  /** Suggested values; any other value may be entered as well. */
  readonly offers?: readonly string[];
}

export function TextInput(props: TextInputProps) {
  const { label, name, note, type = 'text', value, placeholder, isRequired, pattern, min, max } = props;
  const { offers = [] } = props;
  const { id, notes, described } = useNotes(name, note);
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
        {...described}
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
      {notes}
    </div>
  );
}

/** A field of several lines, at least one of which is required. */
export function LinesInput({
  label,
  name,
  note,
  placeholder,
}: InputProps & { readonly placeholder: string }) {
  const { id, notes, described } = useNotes(name, note);
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea
        id={id}
        name={name}
        rows={6}
        placeholder={placeholder}
        required
        spellcheck={false}
        {...described}
      />
      {notes}
    </div>
  );
}

interface SelectInputProps extends InputProps {
  readonly options: readonly (readonly [value: string, title: string])[];
  readonly value?: string;
  readonly onValue?: (value: string) => void;
}

export function SelectInput({ label, name, note, options, value, onValue }: SelectInputProps) {
  const { id, notes, described } = useNotes(name, note);
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        name={name}
        {...described}
        onChange={({ currentTarget }) => onValue?.(currentTarget.value)}
      >
        {options.map(([one, title]) => (
          <option key={one} value={one} selected={one === value}>
            {title}
          </option>
        ))}
      </select>
      {notes}
    </div>
  );
}

interface TicksProps {
  readonly legend: string;
  readonly name: string;
  readonly options: readonly (readonly [value: string, title: string, isOn: boolean])[];
}

/** A group of checkboxes; the ticked values are joined into one text, separated by spaces. */
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

/** The notes at a field, an error and an explanation, with the attributes that link the field to them. */
function useNotes(name: string, note: ComponentChildren) {
  const id = useId();
  const fault = useContext(FaultsOfForm).get(name);
  const ids = [...(fault === undefined ? [] : [`${id}-fault`]), ...(note ? [`${id}-note`] : [])];
  const notes = (
    <>
      {fault !== undefined && (
        <p id={`${id}-fault`} class="fault">
          {fault}
        </p>
      )}
      {note && (
        <p id={`${id}-note`} class="note">
          {note}
        </p>
      )}
    </>
  );
  const described = {
    'aria-describedby': ids.length > 0 ? ids.join(' ') : undefined,
    'aria-invalid': fault === undefined ? undefined : true,
  };
  return { id, notes, described };
}
