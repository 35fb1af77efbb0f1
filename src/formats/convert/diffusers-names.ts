import { quote } from '../../json/quote.ts';
import { needsOption, notConvertible } from './not-convertible.ts';
import { peftExtra, peftExtraOf, peftTensors } from './peft-names.ts';
import type { NameReader, NameWriter } from './placed-adapter.ts';
import { type Component, componentOf, PIPELINE_COMPONENTS, type PlaceInModel } from './placed-adapter.ts';

const PREFIXED = new RegExp(`^(${[...PIPELINE_COMPONENTS, 'diffusion_model'].join('|')})\\.(.+)$`);
const FLUX = /^(?:double_blocks|single_blocks)\.\d+\./;

/** @returns null without a prefix of a pipeline */
function prefixedPlace(name: string): PlaceInModel | null {
  const match = PREFIXED.exec(name);
  if (!match) return null;
  const [component, path] = [match[1] as Component, match[2]!];
  return { component: component === 'diffusion_model' && FLUX.test(path) ? 'flux' : component, path };
}

/** Files of diffusers pipelines: the part of the pipeline, then the path in it. Files of one part may leave it out. */
export const DIFFUSERS_READER: NameReader = {
  placed: ({ modules }, { component: chosen }) => {
    const component = chosen ?? componentOf(modules.map(({ name }) => name));
    return modules.map((module) => ({
      module,
      place: prefixedPlace(module.name) ?? { component, path: module.name },
    }));
  },
  extra: (name) => {
    const magnitude = /^(.+)\.(?:magnitude|dora_scale)$/.exec(name)?.[1];
    const found =
      magnitude === undefined ? peftExtra(name) : { kind: 'magnitude' as const, prefix: magnitude };
    return found && { ...found, prefix: found.prefix.replaceAll('.processor.', '.') };
  },
  prefixOf: ({ name }) => name,
  isConv1d: () => false,
};

export const DIFFUSERS_WRITER: NameWriter = {
  named: ({ placed }, { component: chosen }, route) =>
    placed.map(({ module, place }) => {
      if (module.kind === 'embedding') {
        throw notConvertible(
          route,
          module.name,
          'is an embedding, which the loaders of diffusers do not support',
        );
      }
      const component = place.component === 'model' ? chosen : place.component;
      if (component === 'flux') {
        throw notConvertible(
          route,
          module.name,
          'has q, k and v in one tensor, or names that the transformer of diffusers does not have',
        );
      }
      if (component === undefined || component === 'language_model') {
        throw needsOption(
          route,
          'component',
          `the names do not show which part of a pipeline ${quote(module.name)} belongs to`,
        );
      }
      const name = `${component}.${place.path}`;
      return { name, ...peftTensors(name, false) };
    }),
  extra: (kind, { name }, module) => peftExtraOf(kind, name, module),
  frame: () => ({ config: {}, metadata: new Map() }),
};
