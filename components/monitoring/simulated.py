"""The page of a simulation: what happened in each month, and how scores and drift went."""

from collections.abc import Mapping, Sequence
from html import escape

from components.contracts.monitoring import Watched
from components.contracts.simulated import Lived, Simulated
from components.figures.page import folded, note, page, table
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
        "<h2>Trainings</h2>",
        table(
            ("Month", "Why", "Model", "Test AUC", "What became of it"),
            [(one.month, one.due, one.family, one.metrics.get("auc"), _fate(one))
             for one in trained],
            numbers=(0, 3),  # a month is one word, as a number is
            failed=[n for n, one in enumerate(trained) if one.outcome == "refused"],
        )
        if trained else "<p>None: no month had history enough.</p>",
        note("Test AUC is of the rows that the training kept apart, the latest months of those "
             "known. A challenger is compared with the champion on the same rows."),
        *_skipped(found.months),
    ]  # fmt: skip
    if reports:
        parts += ["<h2>Over months</h2>", *trends(reports[-1], reports[:-1])]
        parts += ["<h2>How vintages went bad</h2>", *going_bad(reports[-1].curves)]
    links = (f'<a href="{escape(place)}">{month}</a>' for month, place in pages.items())
    lived = [one for one in found.months if one.champion]
    parts += [
        "<h2>Months with a champion</h2>",
        *([f'<p class="note">Their pages: {", ".join(links)}.</p>'] if pages else []),
        table(
            ("Month", "Labelled months", "Training", "Champion", "Decided", "Outcomes", "Raised",
             "Lower AUC"),
            [_row(one) for one in lived],
            numbers=(1, 4, 5, 6),
            failed=[n for n, one in enumerate(lived) if one.outcome == "refused"],
        ),
        note("Raised: names that drifted by either watch. Lower AUC: vintages that are ranked less "
             "well than training's test rows by more than noise."),
    ]  # fmt: skip
    return page(f"{found.scenario}: {found.first} to {found.last}", parts)


def _fate(one: Lived) -> str:
    """What became of the model that was trained in a month."""
    if one.refused:
        return f"refused by its gate: {'; '.join(one.refused)}"
    if one.outcome == "promoted":
        why = f": {one.challenge}" if one.challenge else ""
        return f"champion number {one.number}, release {one.champion[:_SHORT]}{why}"
    return f"the champion stands: {one.challenge}"


def _skipped(months: Sequence[Lived]) -> list[str]:
    """Why nothing was trained in the months that were skipped."""
    found = [one for one in months if one.outcome == "skipped"]
    if not found:
        return []
    rows = [(one.month, one.labelled, one.due) for one in found]
    heads = ("Month", "Labelled months", "Why")
    why = escape(found[-1].due.removeprefix("skipped: "))
    if len(found) == 1:
        return [f"<p>{found[0].month} was skipped: {why}.</p>"]
    title = f"{len(found)} months were skipped, {found[0].month} to {found[-1].month}"
    return [f"<p>{title}: {why} at the last.</p>",
            folded("Each of them", table(heads, rows, numbers=(1,)))]  # fmt: skip


def _row(one: Lived) -> tuple[object, ...]:
    new = "new, " if one.outcome == "promoted" else ""
    return (
        one.month,
        one.labelled,
        one.due.partition(":")[0],
        f"{new}{one.number}: {one.champion[:_SHORT]}",
        one.decided,
        one.outcomes,
        len(one.raised),
        _few(one.lower) or "-",
    )


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
