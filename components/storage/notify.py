"""Tell people: a webhook where one is set, else the log. Never fails a run."""

import json
import sys
import urllib.request

from components.storage.reach import TIMEOUT_S, reach


def notify(webhook: str, *, scenario: str, run: str, event: str, text: str) -> None:
    """Send one small JSON document, or write one line to the log.

    A webhook that fails is tried again, so that it may get a document twice; for how long at
    most, `reach` says.
    """
    body = {"scenario": scenario, "run": run, "event": event, "text": text}
    sys.stdout.write(f"[notify] {event} {scenario} {run}: {text}\n")
    if not webhook:
        return

    def send() -> None:
        request = urllib.request.Request(  # noqa: S310 - the address is the operator's own setting
            webhook, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT_S):  # noqa: S310 - as above
            pass

    if why := reach(send):
        sys.stdout.write(f"[notify] webhook could not be reached: {why}\n")
