"""Figures over months, from this month's report and those of months before."""

from collections.abc import Iterator, Sequence
from html import escape

from components.contracts.drift import SCORE, Drift, Shift
from components.contracts.monitoring import Watched
from components.contracts.results import LEAST_ROWS, Interval
from components.contracts.vintages import Vintage
from components.figures.numbers import share_span, span
from components.figures.page import folded, note, pictures, table, text
from components.figures.psi import FEW_ROWS, MODERATE, SIGNIFICANT
from components.figures.rates import wilson
from components.monitoring.pictures import Level, Months, Point, over_months, volume

_BORDERS = (MODERATE, SIGNIFICANT)


def trends(watched: Watched, history: Sequence[Watched]) -> list[str]:
    """Pictures over months, and the figures of those that only reports know as a table."""
    if not watched.vintages:
        return ["<p>No decisions are known.</p>"]
    over = months_of(watched, history)
    reports = list(_reports(watched, history))
    every = watched.vintages
    score = [_shift(one.score, month, release, raised) for month, release, one, raised in reports]
    rows = [
        (month, release[:12], one.rows, one.score.psi, one.score.by_chance, one.score.word,
         one.ks and one.ks.ks, one.ks and one.ks.by_chance)
        for month, release, one, _ in reversed(reports)
    ]  # fmt: skip
    heads = ("Month", "Release", "Rows", "PSI", "By chance", "Reading", "KS", "By chance")
    return [
        _legend(over),
        pictures(
            _part("AUC", "filled: with outcomes; hollow: an estimate from the PDs alone; shaded: "
                  "training's; ringed: lower than that by more than noise", _auc(watched, over)),
            _part("Bad rate", "points: what came; shaded: what the PDs let expect",
                  _bad_rates(every, over)),
            _part("PSI of the score", "dotted: 0.1 and 0.25; short lines: by chance; ringed: "
                  "raised; hollow: too few rows",
                  _drawn("PSI of the score", [one for one in score if one], over, psi=True)),
            _part("KS of the score", "against training's; short lines: by chance",
                  _drawn("KS of the score", list(_distances(reports)), over)),
            _part("Approved", "95 % interval",
                  over_months("Approved", [_approved(one) for one in every], over, percent=True)),
            _part("Decisions", "a bar a release",
                  volume("Decisions", [_decided(one) for one in every], over)),
        ),
        folded("PSI and KS of the score by month", table(heads, rows, numbers=(2, 3, 4, 6, 7)))
        if rows else note("No month with a report had decisions: there is no PSI to show."),
    ]  # fmt: skip


def raised_since(watched: Watched, history: Sequence[Watched]) -> dict[str, dict[str, str]]:
    """Release -> name that is raised -> the first of the months in a row in which it was, those
    in which the release decided nothing left out. What is new has the report's own month, and
    comes first.
    """
    found = {}
    for release, verdict in watched.verdicts.items():
        since = dict.fromkeys((one.name for one in verdict.raised), watched.as_of)
        still = set(since)
        for report in reversed([one for one in history if release in one.verdicts]):
            still &= {one.name for one in report.verdicts[release].raised}
            since |= dict.fromkeys(still, report.as_of)
        found[release] = dict(sorted(since.items(), key=lambda one: one[1] < watched.as_of))
    return found


def months_of(watched: Watched, history: Sequence[Watched]) -> Months:
    """The months to be shown, up to the report's; there are decisions."""
    seen = [(one.month, one.release) for one in watched.vintages]
    seen += [(month, release) for month, release, _, _ in _reports(watched, history)]
    return Months.of(seen, watched.as_of)


def feature_trend(name: str, watched: Watched, history: Sequence[Watched], over: Months) -> str:
    """The PSI of a feature over months, each release against its own training."""
    points = [
        point
        for month, release, one, raised in _reports(watched, history)
        for shift in one.features
        if shift.name == name and (point := _shift(shift, month, release, raised))
    ]
    return f"<h3>{escape(name)}</h3>" + _drawn(f"PSI of {name}", points, over, psi=True)


def _reports(
    watched: Watched, history: Sequence[Watched]
) -> Iterator[tuple[str, str, Drift, set[str]]]:
    """Month, release, drift, and the names that were raised."""
    for report in (*history, watched):
        for release, found in report.drift.items():
            verdict = report.verdicts.get(release)
            raised = {one.name for one in verdict.raised} if verdict else set()
            yield report.as_of, release, found, raised


def _part(title: str, said: str, drawn: str) -> str:
    return f"<h3>{title}</h3>{note(said)}{drawn}"


def _drawn(name: str, points: Sequence[Point], over: Months, *, psi: bool = False) -> str:
    if not points:
        return "<p>No month has one.</p>"
    return over_months(name, points, over, borders=_BORDERS if psi else (), zero=True)


def _legend(over: Months) -> str:
    """The colours of releases."""
    parts = [
        f'<span style="color: {over.color(release)}">&#9632;</span> '
        f"<code>{escape(release[:12])}</code> {first if first == last else f'{first} to {last}'}"
        for release, (first, last) in over.releases.items()
    ]
    return f'<p class="note">By release: {"; ".join(parts)}.</p>'


def _at(month: str, release: str) -> str:
    return f"{month}, release {release[:12]}"


def _auc(watched: Watched, over: Months) -> str:
    against = {(one.month, one.release): one for one in watched.against}
    points = []
    for one in watched.vintages:
        found = one.figures["auc"] if one.mature else one.estimate.auc
        if found.found is None:
            continue
        beside = against.get((one.month, one.release))
        lower = beside is not None and beside.verdict == "lower"
        said = "" if one.mature else ", an estimate"
        why = f"; {beside.why}" if one.mature and beside is not None else ""
        points.append(Point(
            month=one.month,
            release=one.release,
            value=found.found.value,
            low=found.found.low,
            high=found.found.high,
            sure=one.mature,
            alarming=lower,
            told=f"{_at(one.month, one.release)}: AUC {span(found.found)} of {found.rows:,} rows"
            f"{said}{why}",
        ))  # fmt: skip
    levels = [Level(one.month, one.release, one.trained) for one in watched.against if one.trained]
    if not points:
        return "<p>No vintage has rows enough, of both classes.</p>"
    return over_months("AUC", points, over, levels=levels)


def _bad_rates(vintages: Sequence[Vintage], over: Months) -> str:
    points = []
    for one in vintages:
        if one.mature and one.known:
            rate, (low, high) = one.bad / one.known, wilson(one.bad, one.known)
            of = f"{share_span(rate, low, high)} of {one.known:,} rows"
            points.append(Point(
                month=one.month, release=one.release, value=rate, low=low, high=high,
                sure=one.known >= LEAST_ROWS, told=f"{_at(one.month, one.release)}: {of}",
            ))  # fmt: skip
    levels = [
        Level(one.month, one.release, at)
        for one in vintages
        if (at := _let_expect(one)) is not None
    ]
    if not points and not levels:
        return "<p>No month has rows enough.</p>"
    return over_months("Bad rate", points, over, levels=levels, percent=True)


def _let_expect(one: Vintage) -> Interval | None:
    """What the PDs let expect of the rows that have outcomes, or will have."""
    if one.selected and one.calibrated is not None:
        # The estimate is of all rows: outcomes of approved ones are held against their own PDs.
        bins = one.calibrated.bins
        mean = sum(own.rows * own.predicted for own in bins) / sum(own.rows for own in bins)
        return Interval(value=mean, low=mean, high=mean)
    return one.estimate.bad_rate.found


def _shift(shift: Shift, month: str, release: str, raised: set[str]) -> Point | None:
    if shift.psi is None:
        return None
    name = "" if shift.name == SCORE else f" of {shift.name}"
    return Point(
        month=month,
        release=release,
        value=shift.psi,
        sure=shift.word != FEW_ROWS,
        alarming=shift.name in raised,
        chance=shift.by_chance,
        told=f"{_at(month, release)}: PSI{name} {shift.psi:.4f} of {shift.rows:,} rows, "
        f"{shift.word}; by chance up to {text(shift.by_chance)}",
    )


def _distances(reports: Sequence[tuple[str, str, Drift, set[str]]]) -> Iterator[Point]:
    for month, release, one, _ in reports:
        if one.ks is not None:
            yield Point(
                month=month, release=release, value=one.ks.ks, chance=one.ks.by_chance,
                sure=one.ks.rows >= LEAST_ROWS,
                told=f"{_at(month, release)}: KS {one.ks.ks:.4f} of {one.ks.rows:,} rows; by "
                f"chance up to {one.ks.by_chance:.4f}",
            )  # fmt: skip


def _approved(one: Vintage) -> Point:
    rate, (low, high) = one.approved / one.decisions, wilson(one.approved, one.decisions)
    of = f"{share_span(rate, low, high)} of {one.decisions:,} rows"
    return Point(
        month=one.month, release=one.release, value=rate, low=low, high=high,
        sure=one.decisions >= LEAST_ROWS, told=f"{_at(one.month, one.release)}: {of}",
    )  # fmt: skip


def _decided(one: Vintage) -> Point:
    of = f"{one.decisions:,} decisions, {one.approved:,} approved"
    return Point(
        month=one.month, release=one.release, value=one.decisions,
        told=f"{_at(one.month, one.release)}: {of}",
    )  # fmt: skip
