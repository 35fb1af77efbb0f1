import { FONT } from '../charts/chart-base.ts';
import { paletteOf } from '../charts/palette.ts';

const [light, dark] = [paletteOf('light'), paletteOf('dark')];
const both = (of: 'surface' | 'ink' | 'muted' | 'grid' | 'main'): string =>
  `light-dark(${light[of]},${dark[of]})`;

const MONO = 'ui-monospace,SFMono-Regular,Menlo,Consolas,DejaVu Sans Mono,monospace';

/** The colours and the font of the page at `/`. */
export const DOCS_STYLE = `
:root{color-scheme:light;--ground:light-dark(#f4f6fa,#0f141c);--surface:${both('surface')};--ink:${both('ink')};--muted:${both('muted')};--line:${both('grid')};--main:${both('main')}}
html.dark-mode{color-scheme:dark}
html,html.dark-mode,body,html.dark-mode .swagger-ui{background:var(--ground)}
.swagger-ui .wrapper{max-width:1240px}
.swagger-ui,.swagger-ui :is(.info,.opblock-tag,.opblock,.scheme-container,table,.btn,label,select,input,textarea){font-family:${FONT}}
.swagger-ui :is(.info,.info .title,.info p,.info li,.opblock-tag,.opblock-tag small){color:var(--ink)}
:root .swagger-ui.swagger-ui .info a{color:var(--main)}
:root .swagger-ui.swagger-ui .info .title small{background:var(--muted)}
:root .swagger-ui.swagger-ui .info .title small.version-stamp{background:var(--main)}
:root .swagger-ui.swagger-ui .info .title small pre{color:var(--surface)}
.swagger-ui .info pre:not(.version,.base-url){padding:12px 14px;overflow-x:auto;border:1px solid var(--line);border-radius:10px;background:var(--surface);user-select:all}
.swagger-ui.swagger-ui .info pre code{padding:0;background:none;white-space:pre;line-height:1.5}
:root .swagger-ui.swagger-ui :is(.markdown,.renderedMarkdown) code{color:var(--ink);font-family:${MONO};font-weight:400}
:root .swagger-ui.swagger-ui .scheme-container{background:var(--surface);box-shadow:none;border-block:1px solid var(--line)}
.swagger-ui .opblock-tag{border-color:var(--line)}
`;

/** Dark if the reader prefers that: the library's own switch is in a bar that this page does not have. */
export const DOCS_SCRIPT = `
const dark = matchMedia('(prefers-color-scheme: dark)');
const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', follow);
follow();
`;
