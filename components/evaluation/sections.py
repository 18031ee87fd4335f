"""The sections of the report: each a few pieces of HTML from one part of the evaluation."""

from collections.abc import Mapping, Sequence
from math import isnan

from components.contracts.people import Cluster
from components.contracts.results import (
    LEAST_ROWS,
    Candidates,
    Confusion,
    Curves,
    Evaluation,
    Fairness,
    Figures,
    Moved,
    Reasons,
    Segment,
    Stability,
)
from components.evaluation import plots
from components.evaluation.words import RANKING, noise, overlap, searched, strangers, unseen
from components.figures.numbers import share, short, shown, span
from components.figures.page import beside, note, opened, pictures, table
from components.figures.psi import psi_word
from components.figures.words import AT_CUTOFF, NAMES

_FAIR = ("approval_ratio", "equal_opportunity")
_MOST_MOVED = 40
BY_CHANCE = (
    "By chance: what as many rows that have not moved stay below 999 times in 1,000. A PSI below "
    "0.1 is stable, to 0.25 moderate, above significant, where it is more than chance; where "
    "chance alone gives 0.25 or more, and the PSI is not above it, there are too few rows to tell."
)


def candidate_table(evaluation: Evaluation, candidates: Candidates) -> str:
    """Every candidate's figures, a column each: there are more figures than a page is wide."""
    trained = {candidate.family: candidate for candidate in candidates.candidates}
    # Of a scenario without protected columns there is nothing to say.
    fair = [name for name in _FAIR if any(not isnan(f.metrics[name]) for f in evaluation.figures)]
    of = evaluation.figures
    rows: list[tuple[object, ...]] = [
        ("Search", *(searched(trained[f.family]) for f in of)),
        ("Validation AUC", *(trained[f.family].validation_auc for f in of)),
        *((NAMES[name], *(f.metrics[name] for f in of)) for name in (*RANKING, *fair)),
    ]
    heads = ("", *(f.family + (" (chosen)" if f.family == evaluation.chosen else "") for f in of))
    return table(heads, rows, numbers=range(1, len(heads))) + note(
        "Chosen by AUC on the validation rows; all below it is of the test rows, which had no say "
        "in it."
    )


def interval_table(evaluation: Evaluation) -> str:
    """The chosen candidate's figures with their intervals."""
    figures, moved = evaluation.of_chosen(), evaluation.stability.score
    rows = [
        *(
            (NAMES[name], i.value, f"{i.low:.4f} to {i.high:.4f}")
            for name, i in figures.intervals.items()
        ),
        (NAMES["ece"], figures.metrics["ece"], noise(figures)),
        (NAMES["psi"], moved.psi, f"chance alone gives up to {moved.by_chance:.4f}"),
    ]
    return table((f"Of {figures.family}", "Found", "95 % interval"), rows, numbers=(1, 2)) + note(
        "By bootstrap, for AUC, Gini and KS with good and bad rows drawn apart. ECE and PSI are "
        "positive by noise alone: beside the ECE stands what PDs that are right stay below 95 "
        "times in 100 on as many rows, beside the PSI what a score that has not moved stays below "
        "999 times in 1,000. PSI is of the score, development to test."
    )


def cutoff(evaluation: Evaluation) -> list[str]:
    """The policy's cut-off, what it was chosen by, and what it does on the test rows."""
    chosen, curves = evaluation.of_chosen(), evaluation.curves
    document = chosen.cutoff
    rows: list[tuple[object, ...]] = [
        ("Approved", share(document.approval_share), share(chosen.at_policy["approved"]))
    ]
    if document.judged_share != document.approval_share:
        rows.append(("Approved by the judged model", share(document.judged_share), ""))
    if document.profit is not None and curves.profit is not None:
        rows.append(
            ("Profit per applicant", f"{document.profit:,.2f}", f"{curves.profit.chosen[1]:,.2f}")
        )
        best = f"{curves.profit.best[1]:,.2f} at {curves.profit.best[0]:.4f}"
        rows.append(("The most that a cut-off earned", "", best))
    heads = (f"Below a PD of {document.approve_below:.4f}", "Expected", "On the test rows")
    return [
        note(
            f"Policy version {document.version}: {document.rule}. The test rows had no say in it, "
            "and only show what it does. Expected is by the PDs of the bundle to be released."
        ),
        beside(table(heads, rows, numbers=(1, 2)), _threshold_table(chosen)),
        beside(
            _confusion_table("At PD 0.5", chosen.confusion),
            _confusion_table(f"At PD {document.approve_below:.4f}", chosen.confusion_at_policy),
        ),
        *([pictures(plots.profit(curves.profit))] if curves.profit else []),
    ]


def _threshold_table(figures: Figures) -> str:
    rows = [
        *((f"PD {at}", found) for at, found in figures.thresholds.items()),
        (f"PD {figures.cutoff.approve_below:.4f} (policy)", figures.at_policy),
    ]
    heads = ("Called bad from", *(NAMES[name] for name in AT_CUTOFF))
    lines = [(at, *(found[name] for name in AT_CUTOFF)) for at, found in rows]
    return table(heads, lines, numbers=range(1, len(heads)))


def _confusion_table(head: str, confusion: Confusion) -> str:
    rows = [("good", *confusion[0]), ("bad", *confusion[1])]
    return table((head, "called good", "called bad"), rows, numbers=(1, 2))


def lift_table(curves: Curves) -> str:
    """Tenths of the rows, the riskiest first."""
    rows = [
        (number, t.rows, t.bad, share(t.bad / t.rows), f"{t.lift:.2f}", share(t.captured))
        for number, t in enumerate(curves.lift, start=1)
    ]
    heads = ("Tenth, highest PDs first", "Rows", "Bad", "Bad rate", "Lift", "Of all bad so far")
    return table(heads, rows, numbers=range(1, len(heads)))


def stability(found: Stability) -> list[str]:
    """PSI of the score and the features."""
    moved = (found.score, *found.features)
    return [
        pictures(plots.score_shares(found), plots.psi(moved)),
        *moved_table(moved),
        note(
            f"From {found.development:,} development rows to {found.test:,} test rows. {BY_CHANCE}"
        ),
    ]


def moved_table(moved: Sequence[Moved]) -> list[str]:
    """How far each moved, and what is read from it; those after the first many are folded away."""
    rows = [(m.name, m.psi, m.by_chance, psi_word(m)) for m in moved]
    heads = ("Development to test", "PSI", "By chance", "Reading")
    return [opened(heads, rows, most=_MOST_MOVED, numbers=(1, 2))]


def segments(found: Sequence[Segment]) -> list[str]:
    """The chosen model, segment by segment."""
    if not found:
        return ["<p>No segments are declared.</p>"]
    rows = [
        (
            f"{s.column}: {s.value}", s.rows, s.bad, "-" if s.auc is None else span(s.auc),
            share(s.bad_rate), share(s.mean_pd), f"{s.gap:+.2%}",
        )
        for s in found
    ]  # fmt: skip
    heads = (
        "Segment", "Rows", "Bad", "AUC, 95 % interval", "Bad rate", "Mean PD", "PD less bad rate",
    )  # fmt: skip
    return [table(heads, rows, numbers=range(1, len(heads)))]


def fairness(evaluation: Evaluation) -> list[str]:
    """The protected columns, group by group."""
    if not evaluation.fairness:
        return ["<p>No protected columns are declared.</p>"]
    below = evaluation.of_chosen().cutoff.approve_below
    return [
        f"<p>Never features; shown so that nobody has to guess. Approved is a PD below {below:.4f}."
        "</p>",
        *(part for found in evaluation.fairness for part in _groups(found)),
        note(
            f"Groups of fewer than {LEAST_ROWS} rows, and for the gap of fewer than {LEAST_ROWS} "
            "good rows, are shown in grey and not compared."
        ),
    ]


def _groups(found: Fairness) -> list[str]:
    rows = [
        (g.value, g.rows, g.good, *map(share, (g.bad_rate, g.mean_pd, g.approved, g.good_approved)))
        for g in found.groups
    ]
    heads = (found.column, "Rows", "Good", "Bad rate", "Mean PD", "Approved", "Good rows approved")
    soft = [number for number, g in enumerate(found.groups) if not (g.in_ratio and g.in_gap)]
    return [
        table(heads, rows, numbers=range(1, len(heads)), soft=soft),
        note(
            f"{NAMES['approval_ratio']} {shown(found.approval_ratio)} (lowest over highest share "
            f"approved), {NAMES['equal_opportunity'].lower()} {shown(found.opportunity_gap)} "
            "(highest less lowest share of good rows approved)."
        ),
    ]


def reasons(found: Reasons) -> list[str]:
    """What declined rows are told first."""
    if not found.rows:
        return ["<p>No test row was declined.</p>"]
    rows = [(s.code, s.feature, share(s.share)) for s in found.shares]
    some = (
        f"all {found.rows:,} declined test rows"
        if found.rows == found.declined
        else f"{found.rows:,} of the {found.declined:,} declined test rows, spread evenly"
    )
    return [
        f"<p>What hurt most, in {some}.</p>",
        table(("Code", "Feature", "Share of the rows"), rows, numbers=(2,)),
    ]


def layers(
    found: Sequence[Mapping[str, object]], quarantine: Sequence[Sequence[object]]
) -> list[str]:
    """Rows from the files to the merged table, and those that were put aside."""
    keys = ("table", "grain", "landed", "kept", "quarantined", "later")
    rows = [tuple(layer[key] for key in keys) for layer in found]
    heads = ("Table", "Grain", "Rows in", "Kept", "Quarantined", "Known only later")
    return [
        table(heads, rows, numbers=range(2, len(heads))),
        table(("Table", "Quarantined because", "Rows"), quarantine, numbers=(2,))
        if quarantine
        else "<p>Nothing was quarantined.</p>",
    ]


def cleaning(found: Sequence[Mapping[str, object]]) -> str:
    """What became of cells that were not as declared, and how many there were of each."""
    if not found:
        return "<p>Nothing had to be.</p>"
    rows = [tuple(one[key] for key in ("table", "column", "what", "rows")) for one in found]
    return table(("Table", "Column", "What", "Rows"), rows, numbers=(3,))


def sides(evaluation: Evaluation) -> list[str]:
    """The rows of each side, and where they have dates, their months and persons."""
    rows = [
        (split, rows, *((bad, share(bad / rows)) if split != "score" else (None, None)))
        for split, (rows, bad) in evaluation.curves.target.items()
    ]
    made = [table(("Split", "Rows", "Bad", "Bad rate"), rows, numbers=(1, 2, 3))]
    if evaluation.unseen:
        made.append(note(unseen(evaluation.unseen)))
    if evaluation.strangers:
        made.append(note(strangers(evaluation.strangers)))
    if (persons := evaluation.persons) is None:
        return made
    heads = ("", "From", "To", "Rows", f"Persons ({persons.entity})")
    return [
        *made,
        table(
            heads,
            [
                (name, side.first, side.last, side.rows, side.persons)
                for name, side in (
                    ("development (train and validation)", persons.development),
                    ("test", persons.test),
                )
            ],
            numbers=(3, 4),
        ),
        note(overlap(persons)),
    ]


def clusters(found: Sequence[Cluster]) -> list[str]:
    """The clusters of a proxy label."""
    rows = [
        (
            c.cluster,
            c.rows,
            *map(short, (c.recency, c.frequency, c.monetary)),
            None if c.distance is None else f"{c.distance:+.2f}",
            "at risk" if c.at_risk else "",
        )
        for c in found
    ]
    heads = (
        "Cluster",
        "Rows",
        "Recency, days",
        "Frequency",
        "Monetary value",
        "Sum of distances",
        "Label",
    )
    return [
        table(heads, rows, numbers=range(1, 6)),
        note(
            "No outcome is known: the least engaged cluster stands in for it, the one with the "
            "highest sum of distances: how far its centre is from the mean of the development "
            "rows, in their deviations, in recency upwards, in frequency and monetary value "
            "downwards."
        ),
    ]


def contract(checks: Sequence[Mapping[str, object]]) -> str:
    """Every check of the data contract."""
    rows = [
        (c["source"], c["column"], c["expected"], c["found"], "held" if c["ok"] else "broken")
        for c in checks
    ]
    failed = [number for number, check in enumerate(checks) if not check["ok"]]
    return table(("Source", "Column", "Expected", "Found", "Verdict"), rows, failed=failed)
