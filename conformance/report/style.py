"""The look of the HTML report: light or dark as the reader's system is, and narrow enough for a phone."""

STYLE = """
:root {
  --page: #fff; --ink: #1c2024; --soft: #60646c; --line: #d9dce1; --box: #f6f7f9;
  --good: #12633b; --good-box: #e2f4e9; --bad: #a11414; --bad-box: #fde7e7; --ours: #6e2a9e; --ours-box: #f3e8fb;
  --open: #7a4b00; --open-box: #fdf0d5; --none: #50565f; --none-box: #eceef1;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14161a; --ink: #e8eaed; --soft: #a2a8b2; --line: #363b44; --box: #1d2026;
    --good: #7fd6a5; --good-box: #143122; --bad: #ff9d9d; --bad-box: #431a1a; --ours: #d4a6f5; --ours-box: #331d45;
    --open: #f2c66d; --open-box: #3b2c0d; --none: #b4bac4; --none-box: #2a2e35;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif;
  overflow-wrap: anywhere;
}
main { max-width: 70rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; line-height: 1.2; margin: 0; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; }
h3, h4 { font-size: 1rem; margin: 0; }
p { margin: .3rem 0; }
a { color: inherit; }
small { color: var(--soft); font-weight: normal; }
pre {
  background: var(--box); border: 1px solid var(--line); border-radius: 6px; padding: .6rem; margin: .3rem 0 .8rem;
  font: 13px/1.45 ui-monospace, monospace; white-space: pre-wrap; max-height: 30rem; overflow: auto;
}
code { font: .92em ui-monospace, monospace; background: var(--box); }
summary { cursor: pointer; padding: .35rem 0; }
ul { padding-left: 1.2rem; }
dl { margin: .6rem 0; }
dl div { display: grid; grid-template-columns: 6rem 1fr; gap: .5rem; }
dt { color: var(--soft); }
dd { margin: 0; }
.verdict { padding: 1rem; border-radius: 8px; background: var(--open-box); color: var(--open); }
.verdict.code-0 { background: var(--good-box); color: var(--good); }
.verdict.code-1 { background: var(--bad-box); color: var(--bad); }
.headline { font-size: 1.1rem; font-weight: 600; }
.facts { font-size: .9rem; }
.legend { color: var(--soft); font-size: .9rem; }
.legend span { white-space: nowrap; margin-right: .8rem; }
.fault { border: 1px solid var(--line); border-left: 5px solid var(--bad); border-radius: 6px; }
.fault { padding: .8rem; margin: .8rem 0; }
.fault.error { border-left-color: var(--ours); }
.areas { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr)); gap: .8rem; }
.areas { align-items: start; }
.area { border: 1px solid var(--line); border-radius: 6px; padding: .7rem; }
.area p:first-of-type { color: var(--soft); font-size: .9rem; }
.cells { display: flex; flex-wrap: wrap; gap: .3rem; }
.cell, .word { border-radius: 4px; padding: .1rem .4rem; background: var(--none-box); color: var(--none); }
.cell { font-size: .85rem; text-decoration: none; white-space: nowrap; }
.word { font-size: .9rem; }
.passed.cell, .passed.word { background: var(--good-box); color: var(--good); }
.failed.cell, .failed.word { background: var(--bad-box); color: var(--bad); font-weight: 600; }
.error.cell, .error.word { background: var(--ours-box); color: var(--ours); font-weight: 600; }
.inconclusive.cell, .inconclusive.word { background: var(--open-box); color: var(--open); font-weight: 600; }
.clause { border-top: 1px solid var(--line); padding: .6rem 0; }
.clause:target { background: var(--box); }
table { border-collapse: collapse; width: 100%; font-size: .95rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .5rem .4rem 0; border-top: 1px solid var(--line); }
th { white-space: nowrap; }
thead th { border-top: 0; color: var(--soft); }
"""
"""It holds no `<`, `>` or `&`, so that it stands in the page as it is."""
