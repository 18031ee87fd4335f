"""The line that every benchmark prints."""

import json


def line(
    benchmark: str, *, ours: float, peer: float, goal: float | None, at_most: bool = True
) -> None:
    """Print one JSON line. `goal` bounds ours / peer: from above, or from below; where there is
    none the peer is shown and nothing is asked.
    """
    ratio = ours / peer
    met = None if goal is None else ratio <= goal if at_most else ratio >= goal
    figures = {"ours": ours, "peer": peer, "ratio": ratio, "goal": goal}
    rounded = {name: value if value is None else round(value, 4) for name, value in figures.items()}
    print(json.dumps({"benchmark": benchmark, **rounded, "met": met}), flush=True)
