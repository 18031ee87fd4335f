"""The steps of many months: what one asks for, and the account of those that were simulated."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from components.contracts.errors import VintageError
from components.monitoring.step import expect_over, read_report, reported
from components.storage import registry
from components.storage.objects import Store
from components.storage.steps import Artifact, installation, take, task

if TYPE_CHECKING:
    from components.contracts.simulated import Simulated


def due(*, spec: str, run: str, timeout_minutes: float, gold: Artifact) -> tuple[int, str]:
    """What a month asks for (`contracts.watching`), and which month that is: gold's own."""
    from components.contracts.watching import WatchSpec
    from components.monitoring.retrain import asked, retraining

    declared = WatchSpec.model_validate_json(spec)
    scenario = declared.scenario
    with task("due", scenario=scenario, run=run, timeout_minutes=timeout_minutes) as work:
        facts = take(gold).facts
        month = str(facts.get("as_of", ""))[:7]
        if not month:
            raise VintageError(f"{scenario}: expected sources with dates, found none")
        expect_over(month)
        champion = registry.deployed_release(work.store, scenario) is not None
        trained = _last_training(work.store, scenario) if champion else None
        history = cast("Mapping[str, int]", facts["history"])
        found = retraining(
            declared,
            as_of=month,
            trained=trained,
            labelled=history.get("found", 0),
            drift=trained is not None and _moved_since(work.store, scenario, trained, month),
        )
        work.record.facts = {**found.model_dump(), "month": month}
        work.record.reused = False
        work.say(found.why)
    return asked(found, champion=champion), month


def _last_training(store: Store, scenario: str) -> str | None:
    """The month that the training of the latest registered release was as of."""
    release = registry.find_release(store, scenario, "")
    return str(release.facts.get("as_of", ""))[:7] or None


def _moved_since(store: Store, scenario: str, trained: str, month: str) -> bool:
    """Whether the latest report before a month, of one after a training, has much drift."""
    months = [m for m in reported(store, scenario) if trained < m < month]
    found = read_report(scenario, months[-1]) if months else None
    return found is not None and found.moved_far


def recount(found: "Simulated") -> str:
    """Write the page and the figures of a simulation; where the page is."""
    from components.monitoring.simulated import render

    _, store = installation()
    scenario = found.scenario
    months = reported(store, scenario)
    reports = [one for month in months if (one := read_report(scenario, month)) is not None]
    store.put(f"runs/{found.run}/simulation.json", found.model_dump_json(indent=1) + "\n")
    pages = {
        one.month: f"../{found.run}-{one.month}/report.html" for one in found.months if one.champion
    }
    return store.put(f"runs/{found.run}/report.html", render(found, reports, pages))
