"""The challenger that scores beside a scenario's champion, as it is declared in the store.

Whoever serves reads the declaration again and again (`serving/challengers.py`), so that a change
needs no restart. A promotion ends it.
"""

from pathlib import Path

from components.contracts.errors import BundleError, VintageError
from components.storage import registry
from components.storage.steps import installation


def declare_shadow(scenario: str, release: str, share: float) -> str:
    """Let a registered release score beside the champion; "" ends it. Returns its whole id."""
    _, store = installation()
    if not release:
        registry.note_shadow(store, scenario, "", 0.0)
        return ""
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
    registry.note_shadow(store, scenario, found, share)
    return found


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
