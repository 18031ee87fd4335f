"""The page of a simulation: what happened in each month, and how scores and drift went."""

from collections.abc import Mapping, Sequence
from html import escape

from components.contracts.monitoring import Watched
from components.contracts.simulated import Lived, Simulated
from components.figures.page import note, page, table
from components.monitoring.judged import going_bad
from components.monitoring.trends import trends

_SHORT = 12  # of a release's id
_NAMED = 3  # names that a cell has


def render(found: Simulated, reports: Sequence[Watched], pages: Mapping[str, str]) -> str:
    """`reports` are those of the months, ascending; `pages` where each month's own page is."""
    spent = found.preparing + sum(one.seconds for one in found.months)
    trained = [one for one in found.months if one.family]
    promoted = [one for one in found.months if one.outcome == "promoted"]
    decided = sum(one.decided for one in found.months)
    parts = [
        f"<h1>{escape(found.title)}</h1>",
        f'<p class="lead">Scenario <code>{escape(found.scenario)}</code>, simulated from '
        f"{found.first} to {found.last} as it would have gone, month by month, each with what was "
        f"known at its end. {len(found.months)} months: {len(trained)} with a training, "
        f"{len(promoted)} with a promotion, {decided:,} decisions; {spent:.0f} seconds.</p>",
        "<h2>Months</h2>",
        table(
            ("Month", "Labelled months", "Training", "Model", "Test AUC", "Challenge", "Champion",
             "Decided", "Outcomes", "Drift", "AUC lower than training's"),
            [_row(one) for one in found.months],
            numbers=(1, 4, 7, 8),
            soft=[n for n, one in enumerate(found.months) if one.outcome == "skipped"],
            failed=[n for n, one in enumerate(found.months) if one.outcome == "refused"],
        ),
        note("Test AUC is of the rows that the training kept apart, the latest months of those "
             "known. A challenger is compared with the champion on the same rows."),
    ]  # fmt: skip
    links = (f'<a href="{escape(place)}">{month}</a>' for month, place in pages.items())
    if pages:
        parts.append(f'<p class="note">Pages of months: {", ".join(links)}.</p>')
    if reports:
        parts += ["<h2>Over months</h2>", *trends(reports[-1], reports[:-1])]
        parts += ["<h2>How vintages went bad</h2>", *going_bad(reports[-1].curves)]
    return page(f"{found.scenario}: {found.first} to {found.last}", parts)


def _row(one: Lived) -> tuple[object, ...]:
    champion = f"{one.number}: {one.champion[:_SHORT]}" if one.champion else "none yet"
    if one.outcome == "promoted":
        champion = f"new, {champion}"
    return (
        one.month,
        one.labelled,
        one.due,
        f"{one.family}, refused: {'; '.join(one.refused)}" if one.refused else one.family or "-",
        one.metrics.get("auc"),
        one.challenge or "-",
        champion,
        one.decided if one.champion else None,
        one.outcomes if one.champion else None,
        _few(one.raised) or "-",
        _few(one.lower) or "-",
    )


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
