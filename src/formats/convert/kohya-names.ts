import type { LoraModule } from '../../adapter/adapter.ts';
import { quote } from '../../json/quote.ts';
import { flatten, unflatten } from '../layers/flat-names.ts';
import { fromLdmName, isLdmName } from '../layers/ldm-names.ts';
import { needsOption, notConvertible, type Route } from './not-convertible.ts';
import type { Component, NameReader, NameWriter, PlacedModule, PlaceInModel } from './placed-adapter.ts';

/** lora_te_ is Stable Diffusion 1 and 2, lora_te1_ and lora_te2_ are XL (kohya-ss/sd-scripts, networks/lora.py). */
const PREFIX = /^lora_(unet|te|te1|te2|transformer)_(.+)$/;
const COMPONENTS: Readonly<Record<string, 'unet' | 'text_encoder' | 'text_encoder_2' | 'transformer'>> = {
  unet: 'unet',
  te: 'text_encoder',
  te1: 'text_encoder',
  te2: 'text_encoder_2',
  transformer: 'transformer',
};

/** @returns null if the name stands for no known path */
function kohyaPlace(base: string): PlaceInModel | null {
  const match = PREFIX.exec(base);
  if (!match) return null;
  const flat = match[2]!;
  const component = COMPONENTS[match[1]!]!;
  if (component === 'unet') {
    const flux = unflatten(flat, 'flux');
    if (flux !== null) return { component: 'flux', path: flux };
    const name = isLdmName(flat) ? fromLdmName(flat) : flat;
    const path = name === null ? null : unflatten(name, 'unet');
    return path === null ? null : { component, path };
  }
  const path = unflatten(flat, component === 'transformer' ? 'transformer' : 'text_encoder');
  return path === null ? null : { component, path };
}

export const KOHYA_READER: NameReader = {
  placed: ({ modules }, _options, route) =>
    modules.map((module) => {
      const place = kohyaPlace(module.name);
      if (place) return { module, place };
      throw notConvertible(
        route,
        module.name,
        'cannot be turned back into a path: kohya writes "_" in place of ".", and the paths are known only for the UNets of Stable ' +
          "Diffusion 1, 2 and XL, CLIP's text encoders and the transformers of diffusers (Flux, Stable Diffusion 3)",
      );
    }),
  extra: (name) => {
    const prefix = /^(.+)\.dora_scale$/.exec(name)?.[1];
    return prefix === undefined ? null : { kind: 'magnitude', prefix };
  },
  prefixOf: ({ name }) => name,
  isConv1d: () => false,
};

export const KOHYA_WRITER: NameWriter = {
  named: ({ placed }, { component: chosen }, route) => {
    const isXl = placed.some(isOfXl);
    return placed.map(({ module, place }) => {
      if (module.kind === 'embedding') {
        throw notConvertible(route, module.name, 'is an embedding, for which kohya has no LoRA');
      }
      const component = place.component === 'model' ? chosen : place.component;
      const name = `${prefixFor(component, place.path, isXl, module, route)}${flatten(place.path)}`;
      return {
        name,
        a: `${name}.lora_down.weight`,
        b: `${name}.lora_up.weight`,
        alpha: { name: `${name}.alpha`, dtype: 'F32', shape: [] },
      };
    });
  },
  // LyCORIS stores the norm along the outputs with as many dimensions as the weights have (wd_on_out).
  extra: (kind, { name }, { m, a }) =>
    kind === 'magnitude'
      ? { name: `${name}.dora_scale`, shape: [m, ...a.shape.slice(1).map(() => 1)] }
      : null,
  frame: () => ({ config: {}, metadata: new Map([['ss_network_module', 'networks.lora']]) }),
};

/** Only Stable Diffusion XL has a second text encoder beside a UNet, or several transformers in one attention. */
const isOfXl = ({ place: { component, path } }: PlacedModule): boolean =>
  component === 'text_encoder_2' ||
  (component === 'unet' && /^add_embedding\.|\.transformer_blocks\.[1-9]/.test(path));

function prefixFor(
  component: Component | undefined,
  path: string,
  isXl: boolean,
  module: LoraModule,
  route: Route,
): string {
  switch (component) {
    case 'unet':
    // Trainers flatten the names of original implementations in this way (sd-scripts for Flux, musubi-tuner).
    case 'flux':
    case 'diffusion_model':
      return 'lora_unet_';
    case 'text_encoder':
      return isXl ? 'lora_te1_' : 'lora_te_';
    case 'text_encoder_2':
      // In Flux the second text encoder is T5, which kohya calls lora_te3_.
      if (path.startsWith('encoder.block.')) break;
      return 'lora_te2_';
    case 'transformer':
      return 'lora_transformer_';
    case undefined:
    case 'language_model':
    case 'model':
      throw needsOption(
        route,
        'component',
        `the names do not show which part of a pipeline ${quote(module.name)} belongs to`,
      );
  }
  throw notConvertible(route, module.name, `belongs to ${component}, for which kohya files have no name`);
}
