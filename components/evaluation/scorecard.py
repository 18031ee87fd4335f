"""The scorecard's table, for a risk manager to read and sign."""

from collections.abc import Mapping
from html import escape
from typing import Any

from components.figures.page import note, pictures, table

_SIGNERS = ("Developed by, date", "Validated by, date", "Approved by, date")


def render_scorecard(card: Mapping[str, Any]) -> list[str]:
    """Every feature with its information value, every bin with its evidence and its points."""
    features = card["features"]
    summary = [(f["title"], f["feature"], f["iv"], len(f["bins"])) for f in features]
    return [
        f"<p>Points of the bins and {card['intercept_points']:,.2f} to begin with add up to the "
        f"score, before it is rounded: {card['base_points']:g} points are odds of "
        f"{card['base_odds']:g} good to one bad, and {card['pdo']:g} more double them. "
        f"Fitted on {card['rows']:,} rows.</p>",
        table(("Feature", "Name", "Information value", "Bins"), summary, numbers=(2, 3)),
        pictures(*(_feature(feature) for feature in features)),
        note(
            "WoE is the logarithm of a bin's share of the bad rows over its share of the good "
            "ones: above 0, worse than the mean."
        ),
        '<div class="sign">' + "".join(f"<span>{s}</span>" for s in _SIGNERS) + "</div>",
    ]


def _feature(feature: Mapping[str, Any]) -> str:
    rows = [
        (b["label"], b["rows"], f"{b['share']:.1%}", b["bad"],
         f"{b['bad_rate']:.1%}" if b["rows"] else None, _signed(b["woe"], 3),
         _signed(b["points"], 1))
        for b in feature["bins"]
    ]  # fmt: skip
    heads = ("Bin", "Rows", "Share", "Bad", "Bad rate", "WoE", "Points")
    return (
        f"<h3>{escape(feature['title'])} <code>{escape(feature['feature'])}</code>, "
        f"IV {feature['iv']:.3f}</h3>" + table(heads, rows, numbers=range(1, len(heads)))
    )


def _signed(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:+.{digits}f}"  # a zero is +0.0, whatever it was before
