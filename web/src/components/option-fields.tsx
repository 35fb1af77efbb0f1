import type { FormatOptions } from '../../../src/contract/target.ts';
import { COMPONENTS, type Conversions } from '../preview/format-options.ts';
import { FIELD_LABELS } from '../text/field-labels.ts';
import { SelectInput, TextInput } from './form.tsx';

interface OptionFieldsProps {
  readonly conversion: Conversions['formats'][number];
  readonly architectures: readonly string[];
  readonly values: FormatOptions;
}

/** Fields for the options that a format needs or accepts. */
export function OptionFields({ conversion: { needs, takes }, architectures, values }: OptionFieldsProps) {
  const isAsked = (name: keyof FormatOptions) => needs.includes(name) || takes.includes(name);
  return (
    <>
      {isAsked('architecture') && (
        <SelectInput
          label={FIELD_LABELS.architecture}
          name="architecture"
          value={values.architecture ?? ''}
          options={[
            ['', needs.includes('architecture') ? 'Choose one' : 'As the files say'],
            ...architectures.map((one) => [one, one] as const),
          ]}
        />
      )}
      {isAsked('heads') && (
        <TextInput
          label={FIELD_LABELS.heads}
          name="heads"
          type="number"
          value={values.heads?.toString() ?? ''}
          min={1}
          max={1024}
          note="Needed for llama (also Mistral models), granite and smollm3, whose rows of q and k llama.cpp reorders."
        />
      )}
      {isAsked('kv_heads') && (
        <TextInput
          label={FIELD_LABELS.kv_heads}
          name="kv_heads"
          type="number"
          value={values.kv_heads?.toString() ?? ''}
          min={1}
          max={1024}
        />
      )}
      {isAsked('component') && (
        <SelectInput
          label={FIELD_LABELS.component}
          name="component"
          value={values.component ?? ''}
          options={[['', 'As the module names say'], ...COMPONENTS.map((one) => [one, one] as const)]}
        />
      )}
      {isAsked('base_model') && (
        <TextInput
          label={FIELD_LABELS.base_model}
          name="base_model"
          value={values.base_model ?? ''}
          isRequired={needs.includes('base_model')}
        />
      )}
    </>
  );
}
