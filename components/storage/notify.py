"""Tell people: a webhook where one is set, else the log. Never fails a run."""

import http.client
import json
import sys
import urllib.request


def notify(webhook: str, *, scenario: str, run: str, event: str, text: str) -> None:
    """Send one small JSON document, or write one line to the log."""
    body = {"scenario": scenario, "run": run, "event": event, "text": text}
    sys.stdout.write(f"[notify] {event} {scenario} {run}: {text}\n")
    if not webhook:
        return
    try:
        request = urllib.request.Request(  # noqa: S310 - the address is the operator's own setting
            webhook, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=5):  # noqa: S310 - as above
            pass
    except (OSError, http.client.HTTPException, ValueError) as error:
        sys.stdout.write(f"[notify] webhook could not be reached: {error}\n")
