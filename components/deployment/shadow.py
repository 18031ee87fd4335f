"""The challenger that scores beside a scenario's champion, as it is declared in the store.

A document `shadows/SCENARIO`; whoever serves reads it again and again, so that a change needs no
restart. A challenger that became champion is nobody's shadow.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from components.contracts.errors import BundleError, VintageError
from components.storage import registry
from components.storage.steps import installation


@dataclass(frozen=True)
class Shadow:
    """A release beside the champion, and the share of the entities whom it answers."""

    release: str
    share: float
    folder: Path


def declare_shadow(scenario: str, release: str, share: float) -> Shadow | None:
    """Let a registered release score beside the champion; "" ends it."""
    _, store = installation()
    if not release:
        store.put(_place(scenario), json.dumps({"release": ""}))
        return None
    if not 0.0 <= share <= 1.0:
        raise VintageError(f"shadow {scenario}: expected a share from 0 to 1, found {share:g}")
    entry = registry.find_release(store, scenario, release)
    found = str(entry.facts["release"])
    champion = registry.deployed_release(store, scenario)
    if champion is None or champion == found:
        raise VintageError(
            f"shadow {scenario}: expected another release than the champion that serves, found "
            f"{'no champion' if champion is None else found[:12]}"
        )
    beside = store.local(registry.find_release(store, scenario, champion))
    _check_inputs(scenario, beside, store.local(entry))
    store.put(_place(scenario), json.dumps({"release": found, "share": share}))
    return Shadow(found, share, store.local(entry))


def shadow_of(scenario: str) -> Shadow | None:
    """The challenger that is declared; None where there is none. Raises where it is gone."""
    _, store = installation()
    text = store.get(_place(scenario))
    try:
        declared = json.loads(text) if text else {}
        release, share = declared.get("release"), float(declared.get("share", 0.0))
    except (ValueError, TypeError, AttributeError) as error:
        raise VintageError(
            f"shadow {scenario}: expected a declaration in {store.uri}, found otherwise: {error}"
        ) from None
    if not release or release == registry.deployed_release(store, scenario):
        return None
    folder = store.local(registry.find_release(store, scenario, release))
    return Shadow(release, share, folder)


def _check_inputs(scenario: str, champion: Path, challenger: Path) -> None:
    """The challenger scores the champion's rows: they must say the same to both."""
    from components.scoring.bundle import Bundle
    from components.scoring.release import BUNDLE

    inputs = [Bundle.load(folder / BUNDLE).spec.inputs for folder in (champion, challenger)]
    if inputs[0] != inputs[1]:
        more = sorted({i.name for i in inputs[0]} ^ {i.name for i in inputs[1]})
        raise BundleError(
            f"shadow {scenario}: expected a challenger with the champion's inputs, found others: "
            f"{', '.join(more) or 'declared otherwise'}"
        )


def _place(scenario: str) -> str:
    return f"shadows/{scenario}"
