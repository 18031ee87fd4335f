"""Reach what no run depends on: a few tries within some seconds, and never an error."""

import http.client
import threading
import time
from collections.abc import Callable

#: Of one try, for each answer that it waits for.
TIMEOUT_S = 5.0
#: After the first try, and after the second.
_PAUSES_S = (0.5, 1.5)
#: Of all tries together.
_MOST_S = 12.0


def reach(attempt: Callable[[], object]) -> str:
    """Try until it goes well; why it did not, empty where it did.

    A try that is under way when the time is over is left to itself. Hence the thread: neither a
    name that does not resolve nor an answer that comes a byte at a time keeps to a time-out.
    """
    said = [f"no answer in {_MOST_S:g} seconds"]

    def tries() -> None:
        for pause in (*_PAUSES_S, None):
            try:
                attempt()
            except (OSError, http.client.HTTPException, ValueError) as error:
                said.append(str(error) or type(error).__name__)
            else:
                said.append("")
                return
            if pause is not None:
                time.sleep(pause)

    thread = threading.Thread(target=tries, daemon=True)
    thread.start()
    thread.join(_MOST_S)
    return said[-1]
