import { useId } from 'preact/hooks';

interface TextFilterProps {
  readonly label: string;
  readonly value: string;
  readonly onValue: (value: string) => void;
}

/** A text to filter by; asks when it is complete, not at every letter. */
export function TextFilter({ label, value, onValue }: TextFilterProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="search"
        value={value}
        onChange={({ currentTarget }) => onValue(currentTarget.value.trim())}
      />
    </div>
  );
}
