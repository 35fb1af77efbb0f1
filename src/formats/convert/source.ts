import type { Adapter, LoraModule, TensorEntry } from '../../adapter/adapter.ts';
import type { ConvertOptions } from './convert-options.ts';
import type { Route } from './not-convertible.ts';
import type { Place } from './place.ts';

/** A module of an adapter with its place; what it computes is ΔW = scale·B·A, B's rows in Hugging Face's order. */
export interface PlacedModule {
  readonly module: LoraModule;
  readonly place: Place;
}

/** A tensor beside the factors of a module, which several formats have with the same meaning. */
export interface Extra {
  /**
   * magnitude: DoRA's m, one number for each output: W′ = m·(W + ΔW)/‖W + ΔW‖, the norm by rows. bias: PEFT's
   * lora_bias, scaled together with B·A.
   */
  readonly kind: 'magnitude' | 'bias';
  readonly entry: TensorEntry;
  readonly moduleIndex: number;
}

/** An adapter without the names of its format. */
export interface Source {
  readonly placed: readonly PlacedModule[];
  readonly extras: readonly Extra[];
  /** The base layers are GPT-2's Conv1D, which keep their weights transposed (PEFT: fan_in_fan_out). ΔW is not. */
  readonly isConv1d: boolean;
  readonly baseModel: string | null;
}

/** How a format names the modules of an adapter. */
export interface NamesIn {
  /** One for each module. @throws AppError FORMAT_NOT_CONVERTIBLE */
  readonly placed: (adapter: Adapter, options: ConvertOptions, route: Route) => PlacedModule[];
  /** What a tensor beside the factors is, and the module it belongs to as its factors' names begin; null: no such. */
  readonly extra: (name: string) => { readonly kind: Extra['kind']; readonly prefix: string } | null;
  /** What the names of a module's factors begin with. */
  readonly prefixOf: (module: LoraModule) => string;
  readonly isConv1d: (adapter: Adapter, options: ConvertOptions) => boolean;
}

/** The names of a module in a format. */
export interface Named {
  readonly name: string;
  readonly a: string;
  readonly b: string;
  readonly alpha?: LoraModule['alpha'];
  readonly rowOrder?: LoraModule['rowOrder'];
}

/** How a format names modules of any adapter, and what stands beside them. */
export interface NamesOut {
  /** @throws AppError FORMAT_NOT_CONVERTIBLE */
  readonly named: (source: Source, options: ConvertOptions, route: Route) => Named[];
  /** Name and shape of a tensor beside the factors of a module; null where the format has none of the kind. */
  readonly extra: (
    kind: Extra['kind'],
    named: Named,
    module: LoraModule,
  ) => { readonly name: string; readonly shape: readonly number[] } | null;
  /** What its writer goes by. */
  readonly frame: (
    source: Source,
    named: readonly Named[],
    options: ConvertOptions,
  ) => Pick<Adapter, 'config' | 'metadata'>;
}
