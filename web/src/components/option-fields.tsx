import type { FormatOptions } from '../../../src/contract/target.ts';
import { COMPONENTS, type Conversions } from '../preview/format-options.ts';
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
          label="Architecture of the base model"
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
          label="Attention heads of the base model"
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
          label="Key and value heads"
          name="kv_heads"
          type="number"
          value={values.kv_heads?.toString() ?? ''}
          min={1}
          max={1024}
        />
      )}
      {isAsked('component') && (
        <SelectInput
          label="Part of the pipeline"
          name="component"
          value={values.component ?? ''}
          options={[['', 'As the module names say'], ...COMPONENTS.map((one) => [one, one] as const)]}
        />
      )}
      {isAsked('base_model') && (
        <TextInput
          label="Base model"
          name="base_model"
          value={values.base_model ?? ''}
          isRequired={needs.includes('base_model')}
        />
      )}
    </>
  );
}
