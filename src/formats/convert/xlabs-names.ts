import { notConvertible, type Route } from './not-convertible.ts';
import type { NameReader, NameWriter } from './placed-adapter.ts';

/**
 * XLabs adds LoRA to the attention of Flux's double blocks beside the fused projections of the original implementation:
 * qkv_lora1 and proj_lora1 to the image's stream, 2 to the text's (XLabs-AI/x-flux, src/flux/modules/layers.py). In
 * single blocks its LoRA covers only a part of linear1 and linear2, so that it is not a LoRA of either.
 */
const XLABS = /^(?:diffusion_model\.)?double_blocks\.(\d+)\.processor\.(qkv|proj)_lora([12])$/;
const FLUX = /^double_blocks\.(\d+)\.(img|txt)_attn\.(qkv|proj)$/;

export const XLABS_READER: NameReader = {
  placed: ({ modules }, _options, route) =>
    modules.map((module) => {
      const match = XLABS.exec(module.name);
      if (!match) throw single(route, module.name);
      const [, block, projection, stream] = match;
      const path = `double_blocks.${block}.${stream === '1' ? 'img' : 'txt'}_attn.${projection}`;
      return { module, place: { component: 'flux', path } };
    }),
  extra: () => null,
  prefixOf: ({ name }) => name,
  isConv1d: () => false,
};

export const XLABS_WRITER: NameWriter = {
  named: ({ placed }, _options, route) =>
    placed.map(({ module, place: { component, path } }) => {
      const match = component === 'flux' ? FLUX.exec(path) : null;
      if (!match) {
        throw notConvertible(
          route,
          module.name,
          "is not an attention layer of Flux's double blocks, the only layers that both formats adapt in the same way",
        );
      }
      const [, block, stream, projection] = match;
      const name = `double_blocks.${block}.processor.${projection}_lora${stream === 'img' ? 1 : 2}`;
      return { name, a: `${name}.down.weight`, b: `${name}.up.weight` };
    }),
  extra: () => null,
  frame: () => ({ config: {}, metadata: new Map() }),
};

const single = (route: Route, name: string): Error =>
  notConvertible(
    route,
    name,
    'belongs to a single block, where an XLabs LoRA covers a part of a layer that other formats adapt as a whole',
  );
