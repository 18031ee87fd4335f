"""The report of a run: one HTML page that asks nothing of the network."""

from collections.abc import Mapping, Sequence
from html import escape

from components.contracts.results import Decision, Evaluation, Figures
from components.evaluation import plots

_STYLE = """
:root { --ink: #1d2b36; --soft: #5c6b78; --line: #d9e0e6; --good: #2a6f97; --bad: #c8553d; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); max-width: 72rem;
       margin: 2rem auto; padding: 0 1.2rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.2rem; border-bottom: 1px solid var(--line); }
.lead { color: var(--soft); margin-top: .2rem; }
.verdict { display: inline-block; padding: .3rem .8rem; border-radius: .3rem; color: white;
           font-weight: 600; }
.passed { background: var(--good); } .refused { background: var(--bad); }
table { border-collapse: collapse; margin: .8rem 0; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid var(--line); }
td.n, th.n { text-align: right; } tr.failed td { color: var(--bad); font-weight: 600; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(25rem, 1fr)); gap: 1rem; }
.plots svg { width: 100%; height: auto; } .note { color: var(--soft); font-size: .92em; }
code { background: #f2f5f7; padding: .05rem .3rem; border-radius: .2rem; }
"""
_COLUMNS = ("auc", "gini", "ks", "pr_auc", "brier", "log_loss", "ece")
_NAMES = {
    "auc": "AUC", "gini": "Gini", "ks": "KS", "pr_auc": "PR-AUC", "brier": "Brier",
    "log_loss": "Log loss", "ece": "ECE", "accuracy": "Accuracy", "precision": "Precision",
    "recall": "Recall", "f1": "F1",
}  # fmt: skip
Row = Sequence[object]


def render(
    evaluation: Evaluation,
    decision: Decision,
    *,
    contract: Sequence[Mapping[str, object]],
    layers: Sequence[Mapping[str, object]],
    quarantine: Sequence[Sequence[object]],
    run: str,
) -> str:
    """The page as text."""
    chosen = evaluation.of_chosen()
    verdict = "passed" if decision.passed else "refused"
    parts = [
        f"<h1>{escape(evaluation.title)}</h1>",
        f'<p class="lead">Scenario <code>{escape(evaluation.scenario)}</code>, first made by run '
        f"<code>{escape(run)}</code>, model <code>{escape(chosen.family)}</code>, bundle "
        f"<code>{chosen.bundle[:12]}</code>. Figures are of {evaluation.rows:,} test rows "
        f"({evaluation.bad:,} bad) that no model was fitted on.</p>",
        f'<p><span class="verdict {verdict}">The gate: {verdict}</span></p>',
        "<h2>Gate</h2>",
        _gate_table(decision),
        "<h2>Candidates</h2>",
        _candidate_table(evaluation),
        _threshold_table(chosen),
        "<h2>Pictures</h2>",
        _pictures(evaluation, chosen),
        "<h2>Protected columns</h2>",
        "<p>Never features; shown so that nobody has to guess.</p>",
        *(_protected_table(name, groups) for name, groups in evaluation.protected.items()),
        "<h2>From files to rows</h2>",
        _layer_table(layers),
        _table(("Table", "Quarantined because", "Rows"), quarantine, numbers=(2,))
        if quarantine
        else "<p>Nothing was quarantined.</p>",
        "<h2>Data contract</h2>",
        _contract_table(contract),
    ]
    title = escape(f"{evaluation.scenario}: {verdict}")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        f"<style>{_STYLE}</style></head><body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def _table(
    heads: Sequence[str],
    rows: Sequence[Row],
    *,
    numbers: Sequence[int] = (),
    failed: Sequence[int] = (),
) -> str:
    def cells(tag: str, row: Row) -> str:
        return "".join(
            f"<{tag}{' class=n' if place in numbers else ''}>{_text(value)}</{tag}>"
            for place, value in enumerate(row)
        )

    body = "".join(
        f"<tr{' class=failed' if number in failed else ''}>{cells('td', row)}</tr>"
        for number, row in enumerate(rows)
    )
    return f"<table><thead><tr>{cells('th', heads)}</tr></thead><tbody>{body}</tbody></table>"


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, int):
        return f"{value:,}"
    return escape(str(value))


def _gate_table(decision: Decision) -> str:
    rows = [
        (
            _NAMES[r.metric] + ("" if r.cutoff is None else f" at {r.cutoff:g}"),
            ("at least" if r.bound == "floor" else "at most") + f" {r.limit:g}",
            r.found,
            "passed" if r.passed else "failed",
        )
        for r in decision.rules
    ]
    failed = [number for number, rule in enumerate(decision.rules) if not rule.passed]
    heads = ("Rule", "Bound", "Found", "Verdict")
    return _table(heads, rows, numbers=(2,), failed=failed)


def _candidate_table(evaluation: Evaluation) -> str:
    rows = [
        (
            f.family + (" (chosen)" if f.family == evaluation.chosen else ""),
            *(f.metrics[name] for name in _COLUMNS),
            f"{f.auc.low:.4f} to {f.auc.high:.4f}",
        )
        for f in evaluation.figures
    ]
    heads = ("Model", *(_NAMES[name] for name in _COLUMNS), "AUC, 95 % interval")
    return _table(heads, rows, numbers=range(1, len(_COLUMNS) + 1)) + (
        '<p class="note">Chosen by AUC on the validation rows, not on these.</p>'
    )


def _threshold_table(figures: Figures) -> str:
    rows = [
        (f"PD {cutoff}", *(found[name] for name in ("accuracy", "precision", "recall", "f1")))
        for cutoff, found in figures.thresholds.items()
    ]
    (good, false_bad), (false_good, bad) = figures.confusion
    matrix = _table(
        ("At PD 0.5", "called good", "called bad"),
        [("good", good, false_bad), ("bad", false_good, bad)],
        numbers=(1, 2),
    )
    heads = ("Called bad from", "Accuracy", "Precision", "Recall", "F1")
    return _table(heads, rows, numbers=(1, 2, 3, 4)) + matrix


def _pictures(evaluation: Evaluation, chosen: Figures) -> str:
    curves = evaluation.curves
    pictures = (
        plots.target(curves),
        plots.roc(curves, chosen.metrics["auc"]),
        plots.calibration(curves),
        plots.scores(curves),
        plots.importance(curves),
    )
    return '<div class="plots">' + "".join(f"<div>{p}</div>" for p in pictures) + "</div>"


def _protected_table(name: str, groups: Mapping[str, Mapping[str, float]]) -> str:
    rows = [
        (value, int(g["rows"]), g["bad_rate"], g["mean_pd"], g["below_cutoff"])
        for value, g in groups.items()
    ]
    heads = (name, "Rows", "Bad rate", "Mean PD", "Share with PD below 0.5")
    return _table(heads, rows, numbers=(1, 2, 3, 4))


def _layer_table(layers: Sequence[Mapping[str, object]]) -> str:
    keys = ("table", "grain", "landed", "kept", "quarantined")
    rows = [tuple(layer[key] for key in keys) for layer in layers]
    return _table(("Table", "Grain", "Rows in", "Kept", "Quarantined"), rows, numbers=(2, 3, 4))


def _contract_table(checks: Sequence[Mapping[str, object]]) -> str:
    rows = [
        (c["source"], c["column"], c["expected"], c["found"], "held" if c["ok"] else "broken")
        for c in checks
    ]
    failed = [number for number, check in enumerate(checks) if not check["ok"]]
    return _table(("Source", "Column", "Expected", "Found", "Verdict"), rows, failed=failed)
