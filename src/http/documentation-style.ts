/** The page's looks, in the colours of the console. Every pair of text and ground has a contrast of at least 4.5 to 1. */
export const DOCUMENTATION_STYLE = `
:root {
  color-scheme: light dark;
  --ground: #f1efeb; --surface: #fcfbf9; --sunk: #f1efea; --line: #dedad3; --text: #1e2126; --quiet: #5d6067;
  --brick: #a3431f; --action: #22508f; --get: #22508f; --post: #a3431f; --get-ground: #e4ebf6; --post-ground: #f8e6dd;
  --chosen: #e6e9f0;
  --font: ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", Arial, sans-serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Code", Menlo, Consolas, "Noto Sans Mono", "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #131517; --surface: #191c1f; --sunk: #131517; --line: #2d3237; --text: #e5e3de; --quiet: #a0a5ac;
    --brick: #e08a63; --action: #8cb4ee; --get: #a5c5f4; --post: #eda684; --get-ground: #1f2b3d; --post-ground: #38241b;
    --chosen: #28303d;
  }
}
*, *::before, *::after { box-sizing: border-box; }
html { scroll-padding-top: 16px; }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.55 var(--font); }
a { color: var(--action); text-underline-offset: 2px; }
a:focus-visible, summary:focus-visible { outline: 2px solid var(--action); outline-offset: 2px; border-radius: 3px; }
code, pre { font-family: var(--mono); font-size: 0.875em; }
code { overflow-wrap: anywhere; }
h1, h2, h3, h4, p, ul, dl, dd, pre, table { margin: 0; }
.frame { display: grid; grid-template-columns: 272px minmax(0, 1fr); max-width: 1240px; margin: 0 auto; }
nav { position: sticky; top: 0; align-self: start; height: 100vh; overflow-y: auto; padding: 28px 20px 28px 24px; font-size: 14px; }
nav .brand { display: block; font-size: 17px; font-weight: 650; color: var(--text); text-decoration: none; }
nav .brand b { color: var(--brick); }
nav .version { color: var(--quiet); margin-bottom: 18px; }
nav h2 { font-size: 13px; font-weight: 620; margin: 16px 0 3px; }
nav h2 a { color: var(--quiet); text-decoration: none; }
nav h2 a:hover { color: var(--text); }
nav ul { list-style: none; padding: 0; }
nav li a { display: block; padding: 3px 8px; margin: 0 -8px; border-radius: 6px; color: var(--text); text-decoration: none; }
nav li a:hover { background: var(--chosen); }
main { padding: 32px 32px 96px; min-width: 0; }
header.top { margin-bottom: 28px; }
header.top h1 { font-size: 30px; line-height: 1.2; font-weight: 650; letter-spacing: -0.01em; margin-bottom: 12px; }
header.top p { max-width: 68ch; margin-bottom: 10px; }
.links { display: flex; flex-wrap: wrap; gap: 6px 20px; padding: 0; list-style: none; }
section.part { margin-top: 48px; }
section.part > h2 { font-size: 22px; font-weight: 650; letter-spacing: -0.005em; }
section.part > h2 + p { color: var(--quiet); margin-bottom: 16px; max-width: 68ch; }
article { background: var(--surface); border: 1px solid var(--line); border-radius: 10px; margin-top: 14px; overflow: hidden; }
article > header { padding: 16px 20px 0; }
article h3 { font-size: 16.5px; font-weight: 620; margin-bottom: 8px; }
article h3 a { color: inherit; text-decoration: none; }
article h3 a:hover { text-decoration: underline; }
.address { display: flex; align-items: baseline; gap: 10px; }
.address code { font-size: 14px; }
.method { flex: none; font: 650 12px/1 var(--mono); padding: 4px 7px; border-radius: 5px; }
.get { color: var(--get); background: var(--get-ground); }
.post { color: var(--post); background: var(--post-ground); }
.body { padding: 10px 20px 18px; }
.body > p { max-width: 68ch; margin-bottom: 6px; }
.body h4 { font-size: 13px; font-weight: 620; color: var(--quiet); margin: 14px 0 2px; }
dl.members { display: grid; grid-template-columns: minmax(120px, max-content) minmax(0, 1fr); column-gap: 20px; }
dl.members > div { display: grid; grid-column: 1 / -1; grid-template-columns: subgrid; padding: 7px 0; border-top: 1px solid var(--line); }
dl.members > div:first-child { border-top: 0; }
dl.members dt { min-width: 0; }
dl.members dt small { color: var(--brick); font-size: 12px; display: block; }
dl.members dd { min-width: 0; color: var(--text); }
dl.members .type { color: var(--quiet); font-size: 13px; overflow-wrap: anywhere; }
details { margin-top: 8px; }
summary { cursor: pointer; color: var(--action); width: fit-content; }
pre { background: var(--sunk); border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; overflow-x: auto; margin-top: 6px; line-height: 1.5; }
.status { font: 620 13px/1.6 var(--mono); }
.refusals { color: var(--quiet); margin-top: 14px; font-size: 14px; }
.note { color: var(--quiet); font-size: 13.5px; }
table { border-collapse: collapse; width: 100%; background: var(--surface); border: 1px solid var(--line); border-radius: 10px; overflow: hidden; border-spacing: 0; border-collapse: separate; }
td, th { text-align: left; vertical-align: top; padding: 9px 14px; border-top: 1px solid var(--line); }
thead th { border-top: 0; color: var(--quiet); font-size: 13px; font-weight: 600; }
tbody th { font-weight: 500; white-space: nowrap; }
tr:target > * { background: var(--chosen); }
article:target { border-color: var(--action); }
.tables { display: grid; gap: 16px; margin-top: 16px; }
@media (max-width: 860px) {
  .frame { display: block; }
  nav { position: static; height: auto; padding: 20px 16px 0; }
  nav ul { display: none; }
  nav h2 { display: inline-block; margin: 0 16px 6px 0; font-size: 15px; }
  nav h2 a { color: var(--action); text-decoration: underline; }
  nav .version { margin-bottom: 8px; }
  main { padding: 20px 16px 64px; }
  header.top h1 { font-size: 25px; }
  section.part { margin-top: 36px; }
  article > header { padding: 14px 14px 0; }
  .body { padding: 8px 14px 14px; }
  .address { flex-direction: column; gap: 6px; }
  dl.members, dl.members > div { display: block; }
  table, tbody, tr, td, th { display: block; }
  thead { display: none; }
  tbody td { border-top: 0; padding-top: 0; }
  tbody tr:first-child th { border-top: 0; }
  tbody th { white-space: normal; }
}
`
