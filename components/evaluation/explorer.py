"""The page of an exploration: a gold table from its files to its features, asking nothing of the
network.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from components.contracts.exploration import Exploration, FeatureFigures, Side, Slice
from components.evaluation import exploration_plots as drawn
from components.evaluation import plots, sections
from components.evaluation.small_plot import MOST_BINS, feature_plot
from components.evaluation.words import SUSPICIOUS, iv_word, overlap, strangers, unseen
from components.figures.numbers import short
from components.figures.page import (
    beside,
    chapters,
    contents,
    folded,
    note,
    page,
    pictures,
    table,
    text,
)
from components.figures.rates import wilson

_MOST_DRAWN, _DRAWN = 60, 40  # with more features, so many have a picture
_BESIDE, _MOST_PAIRS, _MOST_VALUES, _MOST_GAPS = 16, 200, 30, 20


def render(
    found: Exploration,
    *,
    contract: Sequence[Mapping[str, object]],
    silver: Mapping[str, Any],
    run: str,
) -> str:
    """The page as text; `silver` are the facts of the cleaned tables."""
    parts = {
        "From files to rows": [
            *sections.layers(silver["layers"], silver["quarantine"]),
            *_dated(silver["months"]),
        ],
        "What was cleaned": [sections.cleaning(silver["cleaning"])],
        "Data contract": _contract(contract),
        "Rows and target": _target(found),
        **({"How the label was made": sections.clusters(found.clusters)} if found.clusters else {}),
        "Missing values": [_gaps(found)],
        "Features": [_features(found.features, proxy=bool(found.clusters))],
        "Each feature": _each(found.features),
        "Correlations": _correlations(found),
        "Drift": _drift(found),
        "Identical rows": _alike(found),
        "Segments and protected columns": _columns(found),
    }
    moment = f", as of {escape(silver['as_of'])}" if silver.get("as_of") else ""
    head = [
        f"<h1>{escape(found.title)}</h1>",
        f'<p class="lead">Exploration of scenario <code>{escape(found.scenario)}</code>{moment}, '
        f"first made by run <code>{escape(run)}</code>. The target is <b>{escape(found.label)}</b>."
        f" {_looked_at(found)}</p>",
        contents(parts),
    ]
    return page(f"{found.scenario}: exploration", [*head, *chapters(parts)])


def _looked_at(found: Exploration) -> str:
    if not {side.split for side in found.sides} & {"train", "validation"}:
        return (
            "Nothing is split yet, for too few months or labels are known: the "
            f"{found.development:,} rows are all what this page calls development rows."
        )
    return (
        f"Unless said otherwise, figures are of the {found.development:,} development rows (train "
        f"and validation) among {found.rows:,}; of the test only rows, target, gaps and twins are "
        "counted, and whether it moved."
    )


def _dated(months: Mapping[str, Mapping[str, int]]) -> list[str]:
    if not months:
        return []
    every = sorted({month for found in months.values() for month in found})
    rows = [(month, *(found.get(month) for found in months.values())) for month in every]
    counted = table(("Month", *months), rows, numbers=range(1, len(months) + 1))
    return [pictures(drawn.rows_by_month(months)), folded("Rows by month", counted)]


def _contract(checks: Sequence[Mapping[str, Any]]) -> list[str]:
    broken = [check for check in checks if not check["ok"]]
    return [
        *([sections.contract(broken)] if broken else []),
        f"<p>{len(checks) - len(broken):,} of {len(checks):,} checks held.</p>",
        folded("All checks", sections.contract(checks)),
    ]


def _target(found: Exploration) -> list[str]:
    rows = [(s.split, s.rows, s.labelled, s.bad, *_rate(s.bad, s.labelled)) for s in found.sides]
    heads = ("Split", "Rows", "Label known", "Bad", "Bad rate", "95 % interval")
    labelled = {s.split: (s.labelled, s.bad) for s in found.sides if s.labelled}
    months = [month for month in found.months if month.labelled]
    shown = [
        *([plots.target(labelled)] if labelled else []),
        *([drawn.target_by_month(months)] if len(months) > 1 else []),
    ]
    parts = [table(heads, rows, numbers=range(1, 6)), pictures(*shown)]
    if len(found.months) == 1:
        parts.append(note(f"All rows are as of one month, {found.months[0].month}."))
    elif found.months:
        by_month = [
            (m.month, m.rows, m.labelled, m.bad, *_rate(m.bad, m.labelled)) for m in found.months
        ]
        counted = table(("Month", *heads[1:]), by_month, numbers=range(1, 6))
        parts += [
            note(
                "By the month of a row's as-of, over the rows of all splits, those of the test "
                "included; Wilson's intervals."
            ),
            folded("Target by month", counted),
        ]
    return [*parts, *map(note, _left_out(found)), *map(note, _one_class(found.sides))]


def _left_out(found: Exploration) -> list[str]:
    """Who has no label, and who is no row."""
    waiting = sum(side.rows - side.labelled for side in found.sides)
    said = [f"{waiting:,} rows have no label yet: they are only scored."] if waiting else []
    said += [unseen(found.unseen)] if found.unseen else []
    return said + ([strangers(found.strangers)] if found.strangers else [])


def _one_class(sides: Sequence[Side]) -> list[str]:
    """What a side of one class cannot show."""
    return [
        f"All {side.labelled:,} labelled {side.split} rows are {'bad' if side.bad else 'good'}: "
        "they cannot show what tells bad from good. A training is refused until there are rows of "
        "both classes."
        for side in sides
        if side.labelled and side.bad in (0, side.labelled)
    ]


def _rate(bad: int, rows: int) -> tuple[str, str]:
    if not rows:
        return "-", "-"
    low, high = wilson(bad, rows)
    return f"{bad / rows:.2%}", f"{low:.2%} to {high:.2%}"


def _gaps(found: Exploration) -> str:
    gaps = sorted(found.inputs, key=lambda i: (-i.development, i.name))
    gaps = [gap for gap in gaps if gap.development or gap.test]
    whole = len(found.inputs) - len(gaps)
    if not gaps:
        return f"<p>None in any of the {whole:,} inputs.</p>"
    rows = [(gap.name, _share(gap.development), _share(gap.test)) for gap in gaps]
    heads = ("Input", "Missing in development", "In test")
    parts = table(heads, rows[:_MOST_GAPS], numbers=(1, 2))
    if rest := rows[_MOST_GAPS:]:
        parts += folded(f"The other {len(rest)} with gaps", table(heads, rest, numbers=(1, 2)))
    return parts + note(f"Nothing is missing in the other {whole:,} inputs.") if whole else parts


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2%}" if value else "0%"


def _features(features: Sequence[FeatureFigures], *, proxy: bool) -> str:
    heads = (
        "Feature", "What it is", "IV", "By chance", "Reading", "Missing", "Values", "Least",
        "Median", "Most", "PSI",
    )  # fmt: skip
    rows = [
        (f.name, f.title, _iv(f), f.iv_by_chance, _reading(f), _share(f.missing), f.distinct,
         *(_short(v) for v in (f.minimum, f.median, f.maximum)), f.moved and f.moved.psi)
        for f in features
    ]  # fmt: skip
    suspicious = [number for number, f in enumerate(features) if _reading(f) == SUSPICIOUS]
    numbers = (2, 3, 5, 6, 7, 8, 9, 10)
    labelled, bad = _classes(features[0])
    return table(heads, rows, numbers=numbers, failed=suspicious) + note(
        f"IV, the information value, is over bins of the {labelled:,} labelled development rows, "
        f"of which {bad:,} are bad: tenths of the known values, or the values of a category, and "
        "one for missing. It is above 0 for a feature that tells nothing, too. By chance: what "
        "that stays below 999 times in 1,000 on these rows; a feature is called by what it has "
        "above that. Below 0.02 it is useless, to 0.1 weak, to 0.3 medium, to 0.5 strong; above it "
        "is suspicious (in red): ask first whether the feature knows the outcome. Where chance "
        "alone gives 0.3 or more, there are too few rows to tell. PSI is development to test."
        + (
            " The label here is made of what people did later; what they did before is bound to "
            "tell much of it."
            if proxy
            else ""
        )
    )


def _classes(found: FeatureFigures) -> tuple[int, int]:
    """Labelled development rows, and the bad ones of them: the same of every feature."""
    return sum(own.rows for own in found.bins), sum(own.bad for own in found.bins)


def _reading(found: FeatureFigures) -> str:
    labelled, bad = _classes(found)
    return iv_word(found.iv, found.iv_by_chance, bad, labelled - bad)


def _iv(found: FeatureFigures) -> float | None:
    """None where all rows are of one class: there is none then."""
    return None if found.iv_by_chance is None else found.iv


def _short(value: float | None) -> str:
    return "-" if value is None else short(value)


def _each(features: Sequence[FeatureFigures]) -> list[str]:
    some = features if len(features) <= _MOST_DRAWN else features[:_DRAWN]
    rest = features[len(some) :]
    left = (
        f" Of {len(features)} features the {_DRAWN} with the highest IV have a picture; the bins "
        "of the others are in a table below them."
        if rest
        else ""
    )
    return [
        note(
            "Left, how many rows have which values (what is beyond the 1st and 99th percentile is "
            "in the outer bars). Right, the bad rate of each bin with its 95 % interval, dotted "
            "that of all rows, and the bin's weight of evidence: above 0, in red, it is worse than "
            f"the whole.{left}"
        ),
        pictures(*(_one(feature) for feature in some)),
        *([folded(f"Bins of the other {len(rest)} features", _bins(rest))] if rest else []),
    ]


def _bins(features: Sequence[FeatureFigures]) -> str:
    """Every bin of some features, the most common ones of a category."""
    rows = [
        (f.name if not number else "", text(_iv(f)) if not number else "", own.label, own.rows,
         own.bad, _rate(own.bad, own.rows)[0], f"{own.woe:+.4f}")
        for f in features
        for number, own in enumerate(_common(f.bins))
    ]  # fmt: skip
    heads = ("Feature", "IV", "Bin", "Rows", "Bad", "Bad rate", "WoE")
    return table(heads, rows, numbers=range(3, 7))


def _one(found: FeatureFigures) -> str:
    few = (
        f"; {MOST_BINS} of {len(found.bins)} values are shown"
        if found.kind == "category" and len(found.bins) > MOST_BINS
        else ""
    )
    empty = ", all is missing" if found.missing == 1 else ""
    return (
        f"<h3>{escape(found.name)}</h3>"
        + note(f"{found.title}: IV {text(_iv(found))}, {_reading(found)}{empty}{few}")
        + feature_plot(found)
    )


def _correlations(found: Exploration) -> list[str]:
    made = found.correlations
    of = (
        f"all {made.rows:,} development rows"
        if made.rows == found.development
        else f"{made.rows:,} of the {found.development:,} development rows, spread evenly"
    )
    parts = [
        note(
            f"Spearman's, over {of}; of two features over the rows that know both, by their ranks "
            "among all known values, with categories in the order of their bad rates. The map is "
            f"of the {len(made.features)} features with the highest IV; grey is not told."
        )
    ]
    heads = ("Feature", "Moves with", "Correlation")
    rows = [(left, right, f"{value:+.4f}") for left, right, value in made.strong[:_MOST_PAIRS]]
    few, more = rows[:_BESIDE], rows[_BESIDE:]
    pairs = (
        table(heads, few, numbers=(2,))
        + note(f"The strongest {len(few)} of {len(made.strong):,} pairs above 0.8 either way.")
        if few
        else "<p>No two features are correlated above 0.8.</p>"
    )
    parts.append(pictures(drawn.heat_map(made), pairs))
    if more:
        next_ = f"The next {len(more)} pairs"
        parts.append(folded(next_, table(heads, more, numbers=(2,))))
    return parts


def _drift(found: Exploration) -> list[str]:
    known = [f.moved for f in found.features if f.moved]
    moved = [*([found.target] if found.target else []), *sorted(known, key=lambda m: -m.psi)]
    tested = sum(side.rows for side in found.sides if side.split == "test")
    parts = [
        pictures(
            *([plots.psi(moved)] if moved else []),
            *([drawn.drift_by_month(found.monthly)] if found.monthly else []),
        ),
        *(sections.moved_table(moved) if moved else []),
        note(
            f"From {found.development:,} development rows to {tested:,} test rows, over the same "
            f"bins. {sections.BY_CHANCE}"
            if moved
            else "There are no test rows to compare with."
        ),
    ]
    if found.monthly:
        parts.append(note(
            "By month: from the development rows to all rows of a month, for the features with the "
            "highest IV, read in the same way."
        ))  # fmt: skip
    if found.persons and found.persons.development.rows > found.persons.development.persons:
        side = found.persons.development
        parts.append(note(
            f"The {side.rows:,} development rows are of {side.persons:,} persons "
            f"({found.persons.entity}). Rows of one person move together, and chance takes each "
            "for itself: where few persons have many rows, it moves more than is said here."
        ))  # fmt: skip
    return parts


def _alike(found: Exploration) -> list[str]:
    alike = found.alike
    share = alike.test_alike / alike.test_rows if alike.test_rows else None
    rows = [
        ("Development and test rows", text(alike.rows)),
        ("Distinct among them", text(alike.distinct)),
        ("Test rows", text(alike.test_rows)),
        ("With a development row like them", f"{alike.test_alike:,} ({_share(share)})"),
    ]
    parts = [
        table(("Rows", "Found"), rows, numbers=(1,)),
        note(
            "Alike is the same in every feature: no model tells such rows apart, and where they "
            "are on both sides a test asks what was learned by heart."
        ),
    ]
    if found.persons:
        parts.append(note(f"By {found.persons.entity}: {overlap(found.persons)}"))
    return parts


def _columns(found: Exploration) -> list[str]:
    if not found.columns:
        return ["<p>None is declared.</p>"]
    return [
        note("Protected columns are never features; they are shown so that nobody has to guess."),
        beside(*(_values(f"{c.column} ({c.role})", c.bins) for c in found.columns)),
    ]


def _values(head: str, bins: Sequence[Slice]) -> str:
    shown = _common(bins)
    rows = [(own.label, own.rows, *_rate(own.bad, own.rows)) for own in shown]
    counted = table((head, "Rows", "Bad rate", "95 % interval"), rows, numbers=(1, 2, 3))
    left = len(bins) - len(shown)
    return f"<div>{counted}{note(f'And {left} rarer values.') if left else ''}</div>"


def _common(bins: Sequence[Slice]) -> list[Slice]:
    """The bins with the most rows, in their own order."""
    some = sorted(bins, key=lambda own: -own.rows)[:_MOST_VALUES]
    return [own for own in bins if own in some]
