import { type Palette, paletteOf } from '../../charts/palette.ts';

const variables = ({ surface, ink, muted, grid, main, good, bad }: Palette): string =>
  `--surface:${surface};--ink:${ink};--muted:${muted};--line:${grid};--main:${main};--good:${good};--bad:${bad}`;

/**
 * The style sheet of a report, for light and dark mode, phones and paper. The page contains it and names its digest in the
 * Content-Security-Policy.
 * @param dark colours of the charts in dark mode (see darkRules)
 */
export const styleSheet = (dark: string): string => `
:root{color-scheme:light;--ground:#f5f7fa;${variables(paletteOf('light'))}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,-apple-system,Segoe UI,Roboto,DejaVu Sans,sans-serif}
main,header,footer{max-width:1240px;margin:0 auto;padding:0 20px}
header{padding-top:28px}
footer{padding-bottom:40px;color:var(--muted);font-size:14px}
h1{font-size:26px;line-height:1.25;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:19px;margin:0 0 12px}
h3{font-size:15px;margin:12px 0 8px;overflow-wrap:anywhere}
p{margin:0 0 12px;max-width:75ch}
a{color:var(--main)}
section{background:var(--surface);border:1px solid var(--line);border-radius:10px;padding:20px;margin:20px 0}
.muted,figcaption{color:var(--muted);font-size:.9em}
.facts{display:flex;flex-wrap:wrap;gap:12px 36px;margin:0}
.facts dt{color:var(--muted);font-size:13px}
.facts dd{margin:0;font-size:22px;font-weight:600;font-variant-numeric:tabular-nums}
.plain{display:grid;grid-template-columns:max-content 1fr;gap:4px 20px;margin:0}
.plain dt{color:var(--muted)}
.plain dd{margin:0;overflow-wrap:anywhere}
.scroll{overflow-x:auto;margin:0 0 12px}
.scroll:focus-visible{outline:2px solid var(--main);outline-offset:2px}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--muted);padding:0 0 6px}
th,td{text-align:left;padding:6px 14px 6px 0;border-bottom:1px solid var(--line);vertical-align:top}
thead th{color:var(--muted);font-weight:600;vertical-align:bottom}
tbody th{font-weight:400;min-width:9em}
tbody td:has(code),tbody td:has(bdi){min-width:7em}
.n{text-align:right;white-space:nowrap}
thead .n{padding-left:6px;white-space:normal}
code,bdi{overflow-wrap:anywhere;unicode-bidi:isolate}
code{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,DejaVu Sans Mono,monospace}
.good{color:var(--good);font-weight:600}
.bad{color:var(--bad);font-weight:600}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr));gap:24px}
.three{grid-template-columns:repeat(auto-fit,minmax(min(100%,300px),1fr))}
figure{margin:0;min-width:0}
figure svg{display:block;width:100%;height:auto}
.wide svg{min-width:760px}
figcaption{margin-top:6px;overflow-wrap:anywhere}
ul{margin:0;padding-left:20px}
li{overflow-wrap:anywhere;margin-bottom:4px}
@media (min-width:1000px){tbody th code,tbody th bdi{display:block;max-width:66ch;overflow-wrap:break-word}}
@media (max-width:600px){main,header,footer{padding-left:12px;padding-right:12px}section{padding:14px}.plain{grid-template-columns:1fr}.plain dd{margin-bottom:6px}.id code{white-space:nowrap}h1{font-size:22px}}
@media screen and (max-width:600px){
.short :is(table,tbody,tr,th){display:block}
.short thead{display:none}
.short tr{padding:8px 0;border-bottom:1px solid var(--line)}
.short :is(th,td){padding:2px 0;border:0}
.short tbody th{font-weight:600}
.short td{display:grid;grid-template-columns:9.5em minmax(0,1fr);gap:12px;text-align:left;white-space:normal}
.short td::before{content:attr(data-title);color:var(--muted)}
.short .id code{white-space:normal}
}
@media screen and (prefers-color-scheme:dark){
:root{color-scheme:dark;--ground:#0f141d;${variables(paletteOf('dark'))}}
${dark}
}
@media print{
body{background:#fff;font-size:11pt}
main,header,footer{max-width:none;padding-left:0;padding-right:0}
section{border:0;border-top:1px solid var(--line);border-radius:0;padding:12px 0 0;margin:14px 0}
figure,tr{break-inside:avoid}
h2,h3{break-after:avoid}
thead{display:table-header-group}
.scroll{overflow:visible}
.wide svg{min-width:0}
table{font-size:9pt}
th,td{padding:4px 8px 4px 0}
tbody th,tbody td:has(code),tbody td:has(bdi){min-width:0}
code{font-size:8pt}
tbody th code,tbody th bdi{overflow-wrap:anywhere}
.charts{grid-template-columns:1fr 1fr}
.three{grid-template-columns:1fr 1fr 1fr}
.served{display:none}
@page{margin:16mm 14mm}
}
`;
