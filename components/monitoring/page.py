"""The page of a month: whether it alarms and why, what moved, and how what was decided did."""

from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import quote

from components.contracts.drift import Drift
from components.contracts.monitoring import Watched
from components.contracts.results import LEAST_ROWS
from components.contracts.vintages import AgainstTraining, Vintage
from components.figures.numbers import span
from components.figures.page import (
    chapters,
    contents,
    note,
    opened,
    page,
    pictures,
    table,
    text,
    verdict,
)
from components.monitoring.estimate import still_right
from components.monitoring.judged import going_bad, is_lower, outcomes_of, vintages
from components.monitoring.sections import data, drift, rolling
from components.monitoring.trends import raised_since, trends
from components.monitoring.words import bad_rate, counted_rate, measured, measured_rate

_MOST_RAISED = 20
#: Release -> what is raised -> since when.
_Since = Mapping[str, Mapping[str, str]]


def render(
    watched: Watched, history: Sequence[Watched], evidently: Mapping[str, Sequence[str]]
) -> str:
    """The page as text. `history` are the reports of earlier months, the earliest first; some may
    be missing. `evidently` are a release's pages that lie beside this one, by their file names.
    """
    since = raised_since(watched, history)
    parts = {
        "Raised": [*_raised(watched, since), *_links(watched, evidently)],
        "In short": _short(watched),
        "Over months": trends(watched, history),
        "Drift of the month": drift(watched, history),
        "Vintages": vintages(watched),
        "How vintages went bad": going_bad(watched.curves),
        "Roll rates": rolling(watched.roll_rates),
        "What came of the data": data(watched),
    }
    made = sum(one.rows for one in watched.drift.values())
    by = ", ".join(f"<code>{escape(release[:12])}</code>" for release in watched.drift)
    decided = f"{made:,} decisions of the month, by release {by}" if made else "No decisions"
    head = [
        f"<h1>{escape(watched.scenario)}, {watched.as_of}</h1>",
        f'<p class="lead">{decided}; and what was known at its end of all months before.</p>',
        *_verdicts(watched, since),
        contents(parts),
    ]
    said = "alarm" if watched.alarmed else "no alarm"
    return page(f"{watched.scenario} {watched.as_of}: {said}", [*head, *chapters(parts)])


def _verdicts(watched: Watched, since: _Since) -> list[str]:
    """Of the month's drift, and of the latest outcomes where they are worse than training's."""
    names = {name for found in since.values() for name in found}
    known = {name for found in since.values() for name in found if found[name] < watched.as_of}
    rows = max((one.rows for one in watched.drift.values()), default=0)
    if names:
        new = f", {len(names - known) or 'none'} of them new" if known else ""
        said = verdict(f"Alarm: {len(names)} raised{new}", good=False)
    elif not rows:
        said = verdict(f"No decisions in {watched.as_of}", good=None)
    elif rows < LEAST_ROWS:
        said = verdict(f"No alarm, and too few rows for one: {rows}", good=None)
    else:
        said = verdict("No alarm", good=True)
    worse = [one for _, one in _latest(watched) if one is not None and is_lower(one)]
    return [said, *(verdict(f"AUC of {one.month}: {one.why}", good=False) for one in worse)]


def _latest(watched: Watched) -> list[tuple[Vintage, AgainstTraining | None]]:
    """The latest month that is mature, each of its releases; rather one with an AUC."""
    mature = [one for one in watched.vintages if one.mature]
    ranked = [one for one in mature if one.figures["auc"].found is not None]
    some = ranked or mature
    last = max((one.month for one in some), default="")
    beside_training = {(one.month, one.release): one for one in watched.against}
    return [
        (one, beside_training.get((one.month, one.release))) for one in some if one.month == last
    ]


def _raised(watched: Watched, since: _Since) -> list[str]:
    rows = []
    for release, first in since.items():
        by = {one.name: one for one in watched.verdicts[release].raised}
        rows += [
            (name, month, " and ".join(by[name].by), "; ".join(by[name].why), release[:12])
            for name, month in first.items()
        ]
    if rows:
        heads = ("What", "Since", "Raised by", "Why", "Release")
        # A month is one word, as a number is.
        return [opened(heads, rows, most=_MOST_RAISED, numbers=(1,))]
    if not watched.drift:
        return [f"<p>Nothing was decided in {watched.as_of}, so nothing can have moved.</p>"]
    looked = max(len(one.features) for one in watched.drift.values())
    return [f"<p>Neither the score nor any of {looked:,} features, by PSI or by Evidently.</p>"]


def _links(watched: Watched, evidently: Mapping[str, Sequence[str]]) -> list[str]:
    """To Evidently's pages, of releases that have one; and why the month's others have none."""
    parts = []
    for release in sorted({*watched.drift, *evidently}):
        short = f"release {release[:12]}"
        pages = evidently.get(release, ())
        for number, name in enumerate(pages, start=1):
            which = f", {number} of {len(pages)}" if len(pages) > 1 else ""
            words = escape(f"Evidently's page of {short}{which}")
            parts.append(f'<p><a href="{escape(quote(name))}">{words}</a></p>')
        if not pages:
            found = watched.evidence.get(release)
            why = "it was not asked" if found is None else "there was nothing to show"
            parts.append(note(f"Evidently has no page of {short}: {why}."))
    return parts


def _short(watched: Watched) -> list[str]:
    """The month, a column a release; and beside it the latest outcomes."""
    tables = []
    if watched.drift:
        own = {one.release: one for one in watched.vintages if one.month == watched.as_of}
        columns = [_month(watched, name, one, own.get(name)) for name, one in watched.drift.items()]
        heads = (f"Decided in {watched.as_of}", *(name[:12] for name in watched.drift))
        rows = [(name, *(column[name] for column in columns)) for name in columns[0]]
        tables.append(table(heads, rows))
    latest = [_outcome(*one) for one in _latest(watched)]
    if latest:
        heads = (f"Latest mature: {latest[0]['month']}", *(one["release"] for one in latest))
        rows = [(name, *(column[name] for column in latest)) for name in list(latest[0])[2:]]
        tables.append(table(heads, rows))
    else:
        first = min((one.mature_from for one in watched.vintages), default="")
        when = f": the first is from {first} on" if first else ""
        tables.append(note(f"No vintage is mature yet{when}."))
    right = [note(still_right(watched.vintages, release)) for release in watched.drift]
    return [pictures(*tables), *dict.fromkeys(right)]


def _month(watched: Watched, release: str, found: Drift, own: Vintage | None) -> dict[str, str]:
    score, ks, rate = found.score, found.ks, found.approval
    raised = watched.verdicts[release].raised if release in watched.verdicts else ()
    count = {watch: sum(watch in one.by for one in raised) for watch in ("PSI", "Evidently")}
    asked = watched.evidence.get(release)
    psi = "-" if score.psi is None else _up_to(score.psi, f", {score.word}", score.by_chance)
    return {
        "Decisions": f"{found.rows:,}",
        "Approved": counted_rate(rate),
        "Without a score": f"{found.unscored.count:,}",
        "PSI of the score": psi,
        "KS of the score": "-"
        if ks is None
        else f"{ks.ks:.4f}; by chance up to {ks.by_chance:.4f}",
        "Raised by PSI": f"{count['PSI']:,} of {len(found.features) + 1:,}",
        "Raised by Evidently": f"{count['Evidently']:,} of {len(asked.flags):,}"
        if asked
        else "not asked",
        "Expected bad rate": "-" if own is None else measured_rate(own.estimate.bad_rate),
        "Expected AUC": "-" if own is None else measured(own.estimate.auc),
    }


def _up_to(value: float, word: str, chance: float | None) -> str:
    return f"{value:.4f}{word}; by chance up to {text(chance)}"


def _outcome(one: Vintage, against: AgainstTraining | None) -> dict[str, str]:
    noise = one.calibrated
    trained = None if against is None else against.trained
    return {
        "month": one.month,
        "release": one.release[:12],
        "With an outcome": f"{one.known:,} of {one.decisions:,}, {one.bad:,} bad",
        "Outcomes of": outcomes_of(one),
        "Bad rate": bad_rate(one),
        "AUC": measured(one.figures["auc"]),
        "Training's AUC": "-" if trained is None else span(trained),
        "In words": "-" if against is None else against.why,
        "ECE": "-" if noise is None else f"{noise.ece:.4f}; by noise up to {noise.noise:.4f}",
    }
