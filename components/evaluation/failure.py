"""The page of a run that failed before there was anything to judge."""

from html import escape

from components.contracts.results import Stage


def render_failure(scenario: str, run: str, error: str, stages: tuple[Stage, ...]) -> str:
    """What went wrong, and how far the run came."""
    rows = "".join(
        f"<tr><td>{escape(s.stage)}</td><td>{escape(s.status)}</td><td>{s.seconds:.1f} s</td></tr>"
        for s in stages
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<title>{escape(scenario)}: failed</title><link rel="icon" href="data:,">'
        "<style>body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;"
        "padding:0 1rem}td{padding-right:1.5rem}pre{background:#f2f5f7;padding:1rem;"
        "white-space:pre-wrap}</style></head><body>"
        f"<h1>{escape(scenario)}: the run failed</h1><p>Run <code>{escape(run)}</code>. "
        "Nothing was deployed; the former champion stands.</p>"
        f"<pre>{escape(error)}</pre><table>{rows}</table></body></html>\n"
    )
