/**
 * Identifiers of licenses that the Hugging Face Hub accepts in a model card
 * (https://huggingface.co/docs/hub/repositories-licenses). It refuses a commit whose card has any other.
 */
const HUB_LICENSES: ReadonlySet<string> = new Set(
  (
    'apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0 ' +
    'bigcode-openrail-m afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc ' +
    'cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 ' +
    'cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 ' +
    'cdla-sharing-1.0 cdla-permissive-1.0 cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 ' +
    'agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 isc lppl-1.3c ms-pl mpl-2.0 odc-by odbl openrail++ ' +
    'osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib pddl lgpl-lr deepfloyd-if-license llama2 llama3 llama3.1 ' +
    'llama3.2 llama3.3 gemma other'
  ).split(' '),
);

/**
 * The lines for a license in the front matter of a card. A license that the Hub does not know is written as
 * "other", with its name in the form that the Hub accepts.
 */
export function licenseLines(license: string): string[] {
  const id = license.toLowerCase();
  if (HUB_LICENSES.has(id)) return [`license: ${id}`];
  const name = id.replace(/[^a-z0-9.]+/g, '-').replace(/^-+|-+$/g, '');
  return ['license: other', ...(name === '' ? [] : [`license_name: "${name}"`])];
}
