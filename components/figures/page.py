"""What every page is made of: one HTML file that asks nothing of the network."""

from collections.abc import Mapping, Sequence
from html import escape

_STYLE = """
:root { --ink: #1d2b36; --soft: #5c6b78; --line: #d9e0e6; --good: #2a6f97; --bad: #c8553d; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); max-width: 72rem;
       margin: 2rem auto; padding: 0 1.2rem; overflow-wrap: anywhere; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.4rem; border-bottom: 1px solid var(--line); }
h3 { margin: 1.4rem 0 0; } .lead { color: var(--soft); margin-top: .2rem; }
.verdict { display: inline-block; padding: .3rem .8rem; border-radius: .3rem; color: white;
           font-weight: 600; }
.passed { background: var(--good); } .refused { background: var(--bad); }
.open { background: var(--soft); }
a { color: var(--good); } nav { columns: 12rem; margin: 1rem 0; } nav a { display: block; }
.scroll { overflow-x: auto; overflow-wrap: normal; }
table { border-collapse: collapse; margin: .8rem 0; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid var(--line);
         vertical-align: top; }
td.n, th.n { text-align: right; white-space: nowrap; }
.wide { width: max-content; } .wide td { max-width: 17rem; overflow-wrap: anywhere; }
tr.failed td { color: var(--bad); font-weight: 600; } tr.soft td { color: var(--soft); }
summary { cursor: pointer; color: var(--good); margin: .4rem 0; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(25rem, 100%), 1fr));
         gap: 1rem; align-items: start; }
.beside { display: flex; flex-wrap: wrap; gap: 0 3rem; } .beside > * { max-width: 100%; }
.plots > div { min-width: 0; }
.plots svg { width: 100%; height: auto; } .note { color: var(--soft); font-size: .92em; }
code { background: #f2f5f7; padding: .05rem .3rem; border-radius: .2rem; }
pre { background: #f2f5f7; padding: 1rem; white-space: pre-wrap; }
.sign { display: grid; grid-template-columns: repeat(3, 1fr); gap: 2rem; margin-top: 3rem; }
.sign span { border-top: 1px solid var(--ink); padding-top: .2rem; color: var(--soft); }
@media print { h2 { break-after: avoid; } tr, svg { break-inside: avoid; } nav { display: none; } }
"""
Row = Sequence[object]


def page(title: str, parts: Sequence[str]) -> str:
    """The whole file; `parts` are HTML, `title` is text."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title>"
        f'<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        f"<style>{_STYLE}</style></head><body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def contents(parts: Mapping[str, Sequence[str]]) -> str:
    """Links to the parts of a page, by their titles."""
    return "<nav>" + "".join(f'<a href="#{_place(t)}">{t}</a>' for t in parts) + "</nav>"


def chapters(parts: Mapping[str, Sequence[str]]) -> list[str]:
    """The parts of a page, each under its title."""
    return [part for t, own in parts.items() for part in (f'<h2 id="{_place(t)}">{t}</h2>', *own)]


def _place(title: str) -> str:
    return title.lower().replace(" ", "-")


def verdict(text: str, *, good: bool | None) -> str:
    """A word or two in colour; `good` is None where nothing can be said."""
    said = "open" if good is None else "passed" if good else "refused"
    return f'<p><span class="verdict {said}">{escape(text)}</span></p>'


def note(text: str) -> str:
    """A sentence under a table."""
    return f'<p class="note">{escape(text)}</p>'


def table(
    heads: Sequence[str],
    rows: Sequence[Row],
    *,
    numbers: Sequence[int] = (),
    failed: Sequence[int] = (),
    soft: Sequence[int] = (),
    shades: Mapping[tuple[int, int], float] | None = None,
    wide: bool = False,
) -> str:
    """A table: which columns hold numbers, which rows failed, which only count for little; row and
    column of cells that are shaded, from 0 to 1. A wide one rather scrolls than breaks its lines.
    """
    deep = shades or {}

    def cells(tag: str, row: Row, number: int = -1) -> str:
        return "".join(
            f"<{tag}{' class=n' if place in numbers else ''}"
            f"{_shade(deep[number, place]) if (number, place) in deep else ''}"
            f">{text(value)}</{tag}>"
            for place, value in enumerate(row)
        )

    def mark(number: int) -> str:
        return " class=failed" if number in failed else " class=soft" if number in soft else ""

    body = "".join(
        f"<tr{mark(number)}>{cells('td', row, number)}</tr>" for number, row in enumerate(rows)
    )
    head = f"<thead><tr>{cells('th', heads)}</tr></thead>"
    kept = " class=wide" if wide else ""
    return f'<div class="scroll"><table{kept}>{head}<tbody>{body}</tbody></table></div>'


def _shade(depth: float) -> str:
    return f' style="background: rgb(42 111 151 / {0.7 * depth:.2f}); padding-left: .5rem"'


def text(value: object) -> str:
    """A value as a reader wants it, safe in HTML."""
    if value is None or value != value:  # noqa: PLR0124 - NaN is not equal to itself
        return "-"
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, int):
        return f"{value:,}"
    return escape(str(value))


def folded(title: str, part: str) -> str:
    """A part that is shown when its title is clicked."""
    return f"<details><summary>{escape(title)}</summary>{part}</details>"


def opened(
    heads: Sequence[str],
    rows: Sequence[Row],
    *,
    most: int,
    numbers: Sequence[int] = (),
    failed: Sequence[int] = (),
    soft: Sequence[int] = (),
    wide: bool = False,
) -> str:
    """A table whose rows after the first many are folded away."""

    def some(first: int, last: int) -> str:
        marks = ([n - first for n in marked if first <= n < last] for marked in (failed, soft))
        red, grey = marks
        return table(heads, rows[first:last], numbers=numbers, failed=red, soft=grey, wide=wide)

    if len(rows) <= most:
        return some(0, most)
    return some(0, most) + folded(f"And {len(rows) - most:,} more", some(most, len(rows)))


def beside(*tables: str) -> str:
    """Small tables side by side, where there is room."""
    return f'<div class="beside">{"".join(tables)}</div>'


def pictures(*parts: str) -> str:
    """Pictures, or what is as large as one, in a grid."""
    return '<div class="plots">' + "".join(f"<div>{part}</div>" for part in parts) + "</div>"
