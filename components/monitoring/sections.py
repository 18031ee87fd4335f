"""The sections of a monitoring report: each a few pieces of HTML from one part of it."""

from collections.abc import Mapping, Sequence
from html import escape

from components.contracts.drift import SCORE, Drift, Evidence, Shift
from components.contracts.monitoring import Gathered, Watched
from components.contracts.vintages import RollRates
from components.figures.numbers import share, share_span
from components.figures.page import Row, note, opened, pictures, table
from components.figures.rates import wilson
from components.monitoring import pictures as drawn
from components.monitoring.trends import feature_trend, months_of
from components.monitoring.words import troubles

_MOST_FEATURES, _MOST_MONTHS, _MOST_EXAMPLES = 20, 12, 12
_MOST_BARS, _MOST_TRENDS, _MOST_UNSEEN, _LONGEST = 15, 6, 3, 200


def drift(watched: Watched, history: Sequence[Watched]) -> list[str]:
    """What moved, release by release."""
    if not watched.drift:
        return [f"<p>No decisions in {watched.as_of}.</p>"]
    return [
        piece
        for release, found in watched.drift.items()
        for piece in _of_release(release, found, watched, history)
    ]


def _of_release(
    release: str, found: Drift, watched: Watched, history: Sequence[Watched]
) -> list[str]:
    evidence = watched.evidence.get(release)
    verdict = watched.verdicts.get(release)
    raised = {one.name for one in verdict.raised} if verdict else set()
    shifts = (found.score, *found.features)
    moved = [one for one in shifts if one.name in raised and one.psi is not None]
    flags = {} if evidence is None else _flags(evidence)
    rows = [_line(one, flags) for one in shifts]
    return [
        f"<h3>Release {escape(release[:12])}</h3>",
        note(_looked_at(found, evidence)),
        *([_shown(moved, watched, history)] if moved else []),
        opened(
            ("", "PSI", "By chance", "Reading", "Evidently", "Missing", "At training",
             "Unseen values"),
            rows, most=_MOST_FEATURES + 1, numbers=(1, 2, 5, 6), wide=True,
            failed=[place for place, one in enumerate(shifts) if one.name in raised],
        ),
    ]  # fmt: skip


def _shown(moved: Sequence[Shift], watched: Watched, history: Sequence[Watched]) -> str:
    """What was raised: its PSI now, and over the months before where there are any."""
    over = months_of(watched, history)
    top = [one.name for one in moved if one.name != SCORE][:_MOST_TRENDS] if history else []
    return pictures(
        "<h3>PSI of what was raised</h3>"
        + note("dotted: 0.1 and 0.25; upright: by chance")
        + drawn.moved(moved[:_MOST_BARS]),
        *(feature_trend(name, watched, history, over) for name in top),
    )


def _looked_at(found: Drift, evidence: Evidence | None) -> str:
    said = (
        f"{found.rows:,} rows of the month against {found.reference_rows:,} of training. Largest "
        "PSI first, in red what was raised. By chance: the most that chance gives in a report of "
        "so many features. At training: what was missing, in brackets what chance makes of that."
    )
    if evidence is None:
        return said
    (before, of_before), (now, of_now) = evidence.reference, evidence.month
    names = {found.score.name, *(one.name for one in found.features)}
    others = [f"{one.name} ({one.why})" for one in evidence.omitted if one.name not in names]
    left = f" It was not asked about {', '.join(others)}." if others else ""
    return (
        f"{said} Evidently {evidence.version} was asked about {now:,} of {of_now:,} rows, against "
        f"{before:,} of {of_before:,}.{left}"
    )


def _flags(evidence: Evidence) -> dict[str, str]:
    found = {one.name: f"not asked: {one.why}" for one in evidence.omitted}
    for one in evidence.flags:
        said = "drifted" if one.drifted else "no"
        found[one.name] = f"{said}: {one.method} {one.score:.2g}, limit {one.threshold:.2g}"
    return found


def _line(one: Shift, flags: Mapping[str, str]) -> Row:
    missing = one.missing
    usual = "-"
    if missing is not None:
        seen = missing.expected or missing.count
        usual = share_span(missing.expected, missing.low, missing.high) if seen else "0%"
    return (
        one.name,
        one.psi,
        one.by_chance,
        one.word,
        flags.get(one.name, "not asked"),
        "-" if missing is None else share(missing.share) if missing.count else "0%",
        usual,
        _unseen(one),
    )


def _unseen(one: Shift) -> str:
    if not one.unseen:
        return "-"
    first = ", ".join(f"{own.value} ({own.rows:,})" for own in one.unseen[:_MOST_UNSEEN])
    left = len(one.unseen) - _MOST_UNSEEN
    return f"{first} and {left} more" if left > 0 else first


def rolling(found: RollRates | None) -> list[str]:
    """From which state to which, as a table that is darker where more went."""
    if found is None:
        return ["<p>No states of days past due were delivered.</p>"]
    if not any(map(sum, found.counts)) and not any(found.left):
        return ["<p>No state is known of two months in a row yet.</p>"]
    shares = found.shares()
    rows = []
    for state, counts, parts, left in zip(
        found.states, found.counts, shares, found.left, strict=True
    ):
        cells = (
            f"{count:,}: {share_span(own, *wilson(count, sum(counts)))}" if own else "0"
            for count, own in zip(counts, parts, strict=True)
        )
        rows.append((state, *cells, sum(counts), left))
    shades = {
        (row, column + 1): own
        for row, line in enumerate(shares)
        for column, own in enumerate(line)
        if own
    }
    heads = ("From", *(f"to {state}" for state in found.states), "Rows", "No row after")
    return [
        note("Days past due at the end of a month, and of the next: rows, share, 95 % interval."),
        table(heads, rows, numbers=range(1, len(heads)), shades=shades, wide=True),
    ]


def data(watched: Watched) -> list[str]:
    """What came of the decision log, and of outcomes."""
    return [*_log(watched.gathered), *_outcomes(watched)]


def _log(gathered: Sequence[Gathered]) -> list[str]:
    if not gathered:
        return ["<p>There is no decision log: what was decided came in batches.</p>"]
    months = sorted(gathered, key=lambda one: one.month, reverse=True)
    rows, examples = [], {}
    for one in months:
        found = troubles(one)
        counts = [trouble.count for trouble in found.values()]
        rows.append((one.month, one.segments, one.requests, one.decisions, *counts))
        for name, trouble in found.items():
            if (first := trouble.example) is not None:
                # The same is found by its neighbours, too.
                place = f"{first.file}, line {first.line}"
                examples[name, place] = (one.month, name, place, first.found[:_LONGEST])
    heads = ("Decision log of", "Segments", "Requests", "Decisions", *found)
    log = opened(heads, rows, most=_MOST_MONTHS, numbers=range(1, len(heads)), wide=True)
    said = "What cannot be read tells no month: its neighbours count it, too."
    if not examples:
        return [log, note(said)]
    heads = ("Month", "What", "The first", "What was found")
    return [
        log,
        note(said),
        opened(heads, list(examples.values()), most=_MOST_EXAMPLES, wide=True),
    ]


def _outcomes(watched: Watched) -> list[str]:
    found = watched.matched
    rows = [
        ("Decisions with an outcome", found.joined, None),
        ("Decisions that wait for one", found.waiting, None),
        ("Outcomes delivered", found.outcomes, None),
        ("Outcomes said before, the same", found.repeated, None),
        ("Decisions with both outcomes: the first stands", found.conflicting, found.conflict),
        ("Outcomes of no decision", found.strange, found.stranger),
        ("Outcomes known before their decision: a day is wrong", found.early, found.earliest),
    ]
    return [
        table((f"Known at the end of {found.as_of}", "Count", "An example"), rows, numbers=(1,))
    ]
