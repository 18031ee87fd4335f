"""The model card: what the model is, what it is for, how it did, and where it ends. Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from components.contracts.results import Candidates, Decision, Evaluation
from components.evaluation.words import noise, overlap, rule_row, searched
from components.figures.numbers import share, short, shown, span
from components.figures.psi import psi_word
from components.figures.words import AT_CUTOFF, NAMES

_DIRECTIONS = {1: "a higher value may only raise the PD", -1: "a higher value may only lower it"}
_MARKED = str.maketrans({c: f"\\{c}" for c in "\\|<>*_`[]"} | {"\n": " "})


def render_card(
    evaluation: Evaluation,
    decision: Decision,
    candidates: Candidates,
    *,
    bundle: Mapping[str, Any],
    run: str,
) -> str:
    """The card as text; `bundle` is the `card.json` of the bundle to be released."""
    said = "passed" if decision.passed else "refused"
    sections = {
        "What it is": _what(evaluation, decision, bundle, run),
        "What it is for": _purpose(evaluation, decision),
        "Data": _data(evaluation, bundle),
        "Features": _features(bundle),
        "Training": _training(evaluation, decision, candidates, bundle),
        "Figures": _figures(evaluation, decision),
        "Segments": _segments(evaluation),
        "Fairness": _fairness(evaluation),
        "Policy": _policy(evaluation, decision),
        f"Gate: {said}": _gate(decision),
        "Limits of use": _limits(evaluation, decision),
        "Environment": [_list(f"{k} {v}" for k, v in sorted(bundle["environment"].items()))],
    }
    parts = [f"# {_plain(evaluation.title)}: model card"]
    for title, own in sections.items():
        parts += [f"## {title}", *own]
    return "\n\n".join(parts) + "\n"


def _what(
    evaluation: Evaluation, decision: Decision, bundle: Mapping[str, Any], run: str
) -> list[str]:
    return [
        _list(
            [
                f"Scenario: {_plain(evaluation.scenario)}",
                f"Family: {_plain(decision.family)}",
                f"Bundle to release: `{decision.bundle}`",
                f"Bundle that was judged: `{decision.evaluated}`",
                f"Calibration: {_plain(bundle['calibration'])}",
                f"First made by run: {_plain(run)}",
            ]
        )
    ]


def _purpose(evaluation: Evaluation, decision: Decision) -> list[str]:
    title = _plain(evaluation.title)
    gives = (
        f"It ranks applicants by a proxy ({title}): no outcome is known, and the least engaged "
        "cluster stands in for it. It gives a rank and no probability of default, whatever is "
        "called a PD or bad on this card; it must not enter a price, a provision, capital or a "
        "profit. With the rank come "
        if evaluation.clusters
        else f"It gives the probability that an applicant goes bad ({title}), "
    )
    return [
        f"{gives}points on the declared scale, reasons, and a decision at the cut-off "
        f"{decision.cutoff.approve_below:.4f}. It is for the lender's own decisions on applicants "
        "like those it was developed on, and for those who must check them."
    ]


def _data(evaluation: Evaluation, bundle: Mapping[str, Any]) -> list[str]:
    rows = [
        (split, f"{rows:,}", f"{bad:,}" if split != "score" else "-",
         f"{bad / rows:.2%}" if split != "score" else "-")
        for split, (rows, bad) in evaluation.curves.target.items()
    ]  # fmt: skip
    return [
        _table(("Split", "Rows", "Bad", "Bad rate"), rows),
        f"The bundle to release was fitted on {bundle['rows']:,} rows ({bundle['bad']:,} bad): "
        f"{', '.join(bundle['fitted_on'])}. Rows of the split `score` have no label yet.",
        *_persons(evaluation),
        *_clusters(evaluation),
    ]


def _persons(evaluation: Evaluation) -> list[str]:
    if (found := evaluation.persons) is None:
        return []
    sides = (("development", found.development), ("test", found.test))
    rows = [(name, s.first, s.last, f"{s.rows:,}", f"{s.persons:,}") for name, s in sides]
    heads = ("Side", "From", "To", "Rows", f"Persons ({_plain(found.entity)})")
    return [_table(heads, rows), overlap(found)]


def _clusters(evaluation: Evaluation) -> list[str]:
    rows = [
        (c.cluster, f"{c.rows:,}", *map(short, (c.recency, c.frequency, c.monetary)),
         "bad" if c.at_risk else "good")
        for c in evaluation.clusters
    ]  # fmt: skip
    heads = ("Cluster", "Rows", "Recency, days", "Frequency", "Monetary value", "Label")
    return [_table(heads, rows)] if rows else []


def _features(bundle: Mapping[str, Any]) -> list[str]:
    rows = [
        (
            f["name"], f["title"], f["expression"] or "as it is",
            _DIRECTIONS.get(f["monotone"], "any"), (f["reason"] or {}).get("code", "none"),
        )
        for f in bundle["features"]
    ]  # fmt: skip
    return [_table(("Name", "Title", "From", "Direction", "Reason code"), rows)]


def _training(
    evaluation: Evaluation, decision: Decision, candidates: Candidates, bundle: Mapping[str, Any]
) -> list[str]:
    chosen, search = candidates.of_chosen(), bundle["search"]
    few = bundle["tree_rows"]
    train, drawn = evaluation.curves.target["train"][0], search["rows"]
    some = f"at most {drawn:,} of the {train:,}" if drawn and drawn < train else f"the {train:,}"
    others = [
        (c.family, searched(c), f"{c.search_auc:.4f}", f"{c.validation_auc:.4f}")
        for c in candidates.candidates
    ]
    refitted = (
        "The bundle to release is the same model, fitted again on all labelled rows, those of the "
        "test included; every figure below is of the one that was fitted on development rows only."
        if decision.bundle != decision.evaluated
        else "The bundle to release is the one that was judged; it has seen no test row."
    )
    return [
        f"Search of {_plain(chosen.family)}: {searched(chosen)} ({search['pruned']} given up "
        f"early), {search['folds']} folds of {some} train rows, seed {bundle['seed']}. Chosen by "
        "AUC on the validation rows.",
        _table(("Family", "Search", "Search AUC", "Validation AUC"), others),
        "Parameters:",
        _list(f"{_plain(k)}: {_plain(v)}" for k, v in sorted(chosen.parameters.items())),
        *([f"Each tree learned from a draw of at most {few:,} rows."] if few else []),
        refitted,
    ]


def _figures(evaluation: Evaluation, decision: Decision) -> list[str]:
    chosen, moved = evaluation.of_chosen(), evaluation.stability.score
    ranking = [
        *((NAMES[name], span(i)) for name, i in chosen.intervals.items()),
        (NAMES["ece"], f"{chosen.metrics['ece']:.4f}; {noise(chosen)}"),
        (NAMES["psi"], f"{moved.psi:.4f}; chance alone gives up to {moved.by_chance:.4f}"),
    ]
    at = [
        *((f"PD {cutoff}", found) for cutoff, found in chosen.thresholds.items()),
        (f"PD {decision.cutoff.approve_below:.4f} (policy)", chosen.at_policy),
    ]
    tenths = [
        (f"{b.rows:,}", share(b.predicted), share(b.observed))
        for b in evaluation.curves.calibration
    ]
    return [
        f"On {evaluation.rows:,} test rows ({evaluation.bad:,} bad) that the judged model was not "
        "fitted on.",
        _table(("Figure", "Found, 95 % interval"), ranking),
        _table(
            ("Called bad from", *(NAMES[name] for name in AT_CUTOFF)),
            [(cutoff, *(f"{found[name]:.4f}" for name in AT_CUTOFF)) for cutoff, found in at],
        ),
        "Calibration, by tenth of the rows:",
        _table(("Rows", "Mean PD", "Bad rate"), tenths),
    ]


def _segments(evaluation: Evaluation) -> list[str]:
    rows = [
        (f"{s.column}: {s.value}", f"{s.rows:,}", "-" if s.auc is None else span(s.auc),
         share(s.bad_rate), share(s.mean_pd))
        for s in evaluation.segments
    ]  # fmt: skip
    heads = ("Segment", "Rows", "AUC, 95 % interval", "Bad rate", "Mean PD")
    return [_table(heads, rows)] if rows else ["None are declared."]


def _fairness(evaluation: Evaluation) -> list[str]:
    rows = [
        (f.column, shown(f.approval_ratio), shown(f.opportunity_gap)) for f in evaluation.fairness
    ]
    heads = ("Protected column", NAMES["approval_ratio"], NAMES["equal_opportunity"])
    if not rows:
        return ["No protected columns are declared."]
    return ["Protected columns are never features.", _table(heads, rows)]


def _policy(evaluation: Evaluation, decision: Decision) -> list[str]:
    cutoff, at = decision.cutoff, evaluation.of_chosen().at_policy
    lines = [
        f"Version {cutoff.version}: approve below a PD of {cutoff.approve_below:.4f}, "
        f"{_plain(cutoff.rule)}",
        f"Approved: {share(cutoff.approval_share)} expected, {share(at['approved'])} of the test "
        "rows",
    ]
    if cutoff.judged_share != cutoff.approval_share:
        lines.append(f"Approved by the judged model: {share(cutoff.judged_share)} expected")
    if cutoff.profit is not None and evaluation.curves.profit is not None:
        lines.append(
            f"Profit per applicant: {cutoff.profit:,.2f} expected, "
            f"{evaluation.curves.profit.chosen[1]:,.2f} on the test rows"
        )
    return [_list(lines)]


def _gate(decision: Decision) -> list[str]:
    return [_table(("Rule", "Bound", "Found", "Verdict"), [rule_row(r) for r in decision.rules])]


def _limits(evaluation: Evaluation, decision: Decision) -> list[str]:
    names = [f.column for f in evaluation.fairness]
    moved = [
        m.name for m in evaluation.stability.features if psi_word(m) in {"moderate", "significant"}
    ]
    lines = [
        "It ranks by a proxy, and was never held against an outcome."
        if evaluation.clusters
        else "Its PDs hold for a population and an economy like those of its data.",
        "Values outside the declared inputs are refused, not scored.",
        "It is not for decisions other than the one it was trained for, nor for a person's "
        "worth beyond it.",
    ]
    if names:
        lines.append(
            f"Even treatment was measured over {', '.join(map(_plain, names))} and over nothing "
            "else; proxies of them may be among the features."
        )
    if moved:
        lines.append(f"Moved between development and test: {', '.join(map(_plain, moved))}.")
    if decision.bundle != decision.evaluated:
        lines.append("The released bundle itself has no figures: it has seen every labelled row.")
    return [_list(lines)]


def _plain(value: object) -> str:
    """Text from a declaration or from data: shown as it is, never as markup."""
    return str(value).translate(_MARKED)


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [heads, ["---"] * len(heads), *([_plain(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
