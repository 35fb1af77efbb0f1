import { type Conversions, firstOptions, parseOptions } from '../preview/format-options.ts';
import { hasKohya, POLICY_CHOICES, type PolicyChoice, type TargetForm } from '../preview/target-form.ts';
import { FIELD_LABELS } from '../text/field-labels.ts';
import { NumberField, SelectField, TickField } from './field.tsx';
import { formValues } from './form.tsx';
import { OptionFields } from './option-fields.tsx';

interface PolicyProps {
  readonly form: TargetForm;
  readonly onChange: (change: Partial<TargetForm>) => void;
}

/** The advanced settings: other policies, and how the result is written. */
export function AdvancedChoice({ form, onChange, conversions }: PolicyProps & { conversions: Conversions }) {
  const { formats, architectures } = conversions;
  const conversion = formats.find(({ format }) => format === form.format);
  return (
    <details class="advanced">
      <summary>Advanced</summary>
      <SelectField<PolicyChoice>
        label="Choose ranks by"
        value={form.policy}
        options={Object.entries(POLICY_CHOICES) as [PolicyChoice, string][]}
        onValue={(policy) => onChange({ policy })}
      />
      {formats.length > 0 && (
        <SelectField
          label={FIELD_LABELS.format}
          value={form.format as string}
          options={[
            ['', 'As the source'],
            ...formats.map(({ format, title }): [string, string] => [format, title]),
          ]}
          onValue={(format) =>
            onChange({
              format: format as TargetForm['format'],
              formatOptions: firstOptions(conversions, format),
            })
          }
        />
      )}
      {conversion && (
        <form
          key={conversion.format}
          class="form"
          onSubmit={(event) => event.preventDefault()}
          onInput={({ currentTarget }) => {
            const entered = formValues(currentTarget);
            onChange({ formatOptions: parseOptions((name) => entered.get(name)) });
          }}
        >
          <OptionFields conversion={conversion} architectures={architectures} values={form.formatOptions} />
        </form>
      )}
      <SelectField
        label={FIELD_LABELS.dtype}
        value={form.dtype}
        options={[
          ['', 'As the source, or as the server wants it'],
          ['float32', 'float32'],
          ['float16', 'float16'],
          ['bfloat16', 'bfloat16'],
        ]}
        onValue={(dtype) => onChange({ dtype })}
      />
      <SelectField
        label={FIELD_LABELS.scale}
        value={form.scale}
        options={[
          ['fold', 'Folded into the factors (for serving)'],
          ['keep', 'Kept in lora_alpha (for further training)'],
        ]}
        onValue={(scale) => onChange({ scale })}
      />
      <TickField
        label="Exact decomposition, no sketch"
        isOn={form.isExact}
        onChange={(isExact) => onChange({ isExact })}
      />
    </details>
  );
}

/** Fields for the parameters of the policies other than a plain rank. */
export function PolicyFields({ form, onChange }: PolicyProps) {
  return (
    <div>
      <p class="row spread">
        <strong>{POLICY_CHOICES[form.policy]}</strong>
        <button type="button" class="link" onClick={() => onChange({ policy: 'rank' })}>
          Back to one rank
        </button>
      </p>
      <Value form={form} onChange={onChange} />
      {hasKohya(form.policy) && (
        <TickField
          label="Ranks as in kohya’s resize_lora.py, which keeps one more direction"
          isOn={form.isKohya}
          // With kohya's method each module gets a rank of its own.
          onChange={(isKohya) => onChange({ isKohya, ...(isKohya && { isUniform: false }) })}
        />
      )}
      <TickField
        label={FIELD_LABELS.uniform}
        isOn={form.isUniform}
        onChange={(isUniform) => onChange({ isUniform })}
      />
    </div>
  );
}

function Value({ form, onChange }: PolicyProps) {
  const { energy, tolerance, cumulative, ratio } = form;
  switch (form.policy) {
    case 'energy':
      return field('Energy kept, %', energy, [1, 100, 0.1], (value) => onChange({ energy: value }));
    case 'tolerance':
      return field('Error of each module at most, %', tolerance, [0, 99, 0.5], (value) =>
        onChange({ tolerance: value }),
      );
    case 'cumulative':
      return field('Share of Σσ, %', cumulative, [1, 100, 0.5], (value) => onChange({ cumulative: value }));
    case 'ratio':
      return field('σ₁ divided by', ratio, [1, 1000, 1], (value) => onChange({ ratio: value }));
    default:
      return null;
  }
}

const field = (
  label: string,
  value: number,
  [min, max, step]: readonly [number, number, number],
  onValue: (value: number) => void,
) => <NumberField label={label} value={value} min={min} max={max} step={step} onValue={onValue} />;
