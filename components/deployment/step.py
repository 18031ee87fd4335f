"""The steps of release: register a judged bundle, make a release champion, deploy it, find it."""

# The libraries load inside the functions: a reused step never needs them.

import getpass
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from components.contracts.errors import BundleError, VintageError
from components.storage import registry
from components.storage.notify import notify
from components.storage.objects import Entry
from components.storage.settings import Settings
from components.storage.steps import Artifact, Task, hand_over, installation, take, task

#: The part of a deploy task's time that a roll-out may take; the rest is for its undoing.
_PATIENCE = 0.5

if TYPE_CHECKING:
    from components.contracts.results import Candidate
    from components.scoring.release import Release
    from components.scoring.scorer import Scorer
    from components.storage.database import Promotion


def register(
    *, scenario: str, run: str, timeout_minutes: float, models: Artifact, gold: Artifact,
    evaluation: Artifact, decision: Artifact, snapshot: Artifact, release: Artifact,
) -> None:  # fmt: skip
    """Make the judged bundle, its cut-off and the snapshot a release, ready to be promoted.

    1. Publish it (`releases`), one folder named by the hash of its three parts, once it
       verified as the server would verify it.
    2. Keep what this registration knows of it: the entry has the facts of the first one.
    3. Mirror it to MLflow as the challenger, and note it as the latest.
    """
    with task("register", scenario=scenario, run=run, timeout_minutes=timeout_minutes) as work:
        roles = {"models": models, "gold": gold, "evaluation": evaluation,
                 "decision": decision, "snapshot": snapshot}  # fmt: skip
        made = _publish_release(work, {role: take(artifact) for role, artifact in roles.items()})
        identity = str(made.facts["release"])
        _mirror(work, made, "challenger")
        if registry.latest_registered(work.store, scenario) != identity:
            work.record.reused = False
            registry.note_registered(work.store, scenario, identity)
        work.record.facts = {"release": identity}
        hand_over(made, release)


def _publish_release(work: Task, inputs: Mapping[str, Entry]) -> Entry:
    from components.contracts.results import Candidates
    from components.scoring.release import CutOff, Release

    judged, snapshot = inputs["decision"], inputs["snapshot"]
    decision = json.loads((work.store.local(judged) / "decision.json").read_text())
    candidates = Candidates.model_validate_json(
        (work.store.local(inputs["models"]) / "candidates.json").read_text()
    )
    chosen, cutoff = candidates.of_chosen(), decision["cutoff"]
    if (chosen.released, chosen.bundle) != (decision["bundle"], decision["evaluated"]):
        raise BundleError(
            f"{decision['scenario']}: expected bundle {decision['bundle'][:12]}, which was judged, "
            f"as the candidate that training chose, found {chosen.released[:12]}"
        )
    made = Release(
        scenario=decision["scenario"],
        family=decision["family"],
        bundle=decision["bundle"],
        snapshot=str(snapshot.facts["sha256"]),
        policy=CutOff(cutoff["version"], cutoff["approve_below"]),
    )

    registration: dict[str, object] = {
        # What judged it, to be found again by its challenge.
        "evaluated": chosen.bundle,
        "folder": chosen.folder,
        "models": inputs["models"].key,
        "gold": inputs["gold"].key,
        "as_of": inputs["gold"].facts.get("as_of", ""),
        "evaluation": inputs["evaluation"].key,
        "metrics": judged.facts["metrics"],
        "mlflow_run": judged.facts["mlflow_run"],
        "run": work.run,
        "registered_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }

    def make(target: Path) -> Mapping[str, object]:
        _write_release(work, made, chosen, inputs, target)
        return {
            "release": made.id,
            "family": made.family,
            "bundle": made.bundle,
            "approve_below": made.policy.approve_below,
            **registration,
        }

    work.find_or_make(registry.release_key(made.scenario, made.id), make)
    registry.note_registration(work.store, made.scenario, made.id, registration)
    return registry.find_release(work.store, made.scenario, made.id)


def _write_release(
    work: Task, made: "Release", chosen: "Candidate", inputs: Mapping[str, Entry], target: Path
) -> None:
    from components.scoring.release import BUNDLE, RELEASE, SNAPSHOT
    from components.scoring.scorer import Scorer

    (target / BUNDLE).mkdir()
    for file in (work.store.local(inputs["models"]) / chosen.released_folder).iterdir():
        _copy(file, target / BUNDLE / file.name)
    _copy(work.store.local(inputs["snapshot"]) / SNAPSHOT, target / SNAPSHOT)
    (target / RELEASE).write_text(made.to_json())
    Scorer(target, made.id)


def _copy(source: Path, target: Path) -> None:
    """A file that never changes under a second name: a link where the disk can, else a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _mirror(work: Task, made: Entry, alias: Literal["champion", "challenger"]) -> None:
    """Tell MLflow of a release, unless that is what it was told last."""
    facts, scenario = made.facts, work.record.scenario
    release = str(facts["release"])
    told = f"mirrored/{scenario}/{alias}"
    if work.store.get(told) == release:
        return
    from components.storage.tracking import Tracking, Version

    work.record.reused = False
    version = Version(release, made.uri, str(facts["mlflow_run"]), str(facts["run"]))
    Tracking(work.settings).mirror(scenario, version, alias)
    work.store.put(told, release)


def deploy(*, scenario: str, run: str, timeout_minutes: float, release: str, why: str) -> None:
    """Make a registered release (by default the latest) champion, and the one that serves.

    1. Promote it, where it may be: see `registry.why_promote`.
    2. Bring it up: loaded as the server does (hashes, golden rows, snapshot), or rolled out as
       an InferenceService whose golden rows score as recorded through its Service.
    3. Point the deployment at it, end what scored beside the former champion, tell, and mirror
       it to MLflow. Where it does not come up, promote the former release back and fail; what
       served goes on serving.
    """
    with task("deploy", scenario=scenario, run=run, timeout_minutes=timeout_minutes) as work:
        made = registry.find_release(work.store, scenario, release)
        champion = _promote(work, made, why.strip(), named=bool(release))
        wanted = champion.release
        work.record.facts = {"release": wanted, "number": champion.number}
        former = registry.deployed_release(work.store, scenario)
        if former != wanted or work.settings.namespace:
            work.record.reused = False
            _bring_up(work, made, former, patience_s=timeout_minutes * 60 * _PATIENCE)
        _note_came_up(work, champion)
        if former != wanted:
            registry.note_shadow(work.store, scenario, "", 0.0)
            registry.note_deployed(work.store, scenario, wanted)
            text = f"release {wanted[:12]} is champion number {champion.number}: {champion.reason}"
            notify(work.settings.webhook, scenario=scenario, run=run, event="promoted", text=text)
        # Last, so that MLflow never calls champion what does not serve.
        _mirror(work, made, "champion")


def _promote(work: Task, made: Entry, why: str, *, named: bool) -> "Promotion":
    """The promotion of a release: the one that stands, or a new one."""
    from components.storage.database import Database

    scenario, release = work.record.scenario, str(made.facts["release"])
    database = Database(work.settings.database)
    promotions = database.promotions(scenario)
    if promotions and promotions[-1].release == release:
        return promotions[-1]
    ground, said = registry.why_promote(
        scenario, release, run=work.run, named=named, why=why,
        promotions=promotions, audit=database.evaluations(scenario),
    )  # fmt: skip
    work.record.reused = False
    return database.promote(
        scenario,
        release,
        after=promotions[-1].number if promotions else 0,
        run=work.run,
        who=_who(),
        why=said,
        figures=made.facts["metrics"],  # type: ignore[arg-type]
        ground=ground,
    )


def _note_came_up(work: Task, champion: "Promotion") -> None:
    """Note that a promotion stands: only what came up may be gone back to, or must be beaten."""
    from components.storage.database import Database

    if not champion.came_up:
        Database(work.settings.database).note_came_up(
            champion.scenario, champion.number, run=work.run
        )


def _bring_up(work: Task, made: Entry, former: str | None, *, patience_s: float) -> None:
    """Have a release serve, or promote the former one back."""
    from components.scoring.scorer import Scorer

    wanted = str(made.facts["release"])
    try:
        if work.settings.namespace:
            _roll_out(work, made, wanted, patience_s=patience_s)
        else:
            Scorer(work.store.local(made), wanted)
    except Exception as error:
        if _roll_back(work, wanted, former) and isinstance(error, VintageError):
            # Another release is champion now: a second try could only say that.
            error.transient = False
        raise
    _check_champion(work, wanted)


def _roll_out(work: Task, made: Entry, wanted: str, *, patience_s: float) -> None:
    from components.deployment.cluster import Cluster
    from components.deployment.kserve import inference_service
    from components.deployment.rollout import NotUndoneError, roll_out
    from components.scoring.bundle import Bundle
    from components.scoring.release import BUNDLE

    scenario, namespace = work.record.scenario, work.settings.namespace
    most = work.settings.most_replicas
    golden = Bundle.load(work.store.local(made) / BUNDLE)
    cluster = Cluster(namespace)
    # What served before is noted first: a roll-out that was cut short is undone to that.
    noted = f"rollouts/{scenario}"
    cut_short = work.store.get(noted)
    former = json.loads(cut_short) if cut_short else cluster.service(scenario)
    work.store.put(noted, json.dumps(former))
    try:
        roll_out(
            cluster,
            inference_service(
                scenario, namespace, release=wanted, uri=made.uri, most_replicas=most
            ),
            former,
            golden=golden,
            patience_s=patience_s,
            last_check=lambda: _check_champion(work, wanted),
        )
    except NotUndoneError:
        raise
    except BaseException:
        work.store.put(noted, "")
        raise
    work.store.put(noted, "")


def _check_champion(work: Task, release: str) -> None:
    """A run that was overtaken must not take serving back to its own release."""
    from components.storage.database import Database

    scenario = work.record.scenario
    champion = Database(work.settings.database).champion(scenario)
    if champion is None or champion.release != release:
        raise registry.overtaken(scenario, release, champion)


def _roll_back(work: Task, failed: str, former: str | None) -> bool:
    """Append a promotion of the release that still serves, so that the table says the truth.

    A first release, or one that served already, has nothing to go back to; it stays in the
    table. Returns whether there was something.
    """
    from components.storage.database import Database

    database = Database(work.settings.database)
    champion = database.champion(work.record.scenario)
    if former in (None, failed) or champion is None or champion.release != failed:
        return False
    database.promote(
        work.record.scenario,
        former,
        after=champion.number,
        run=work.run,
        who=_who(),
        why=registry.undone(failed),
        figures={},
        ground="failed",
    )
    return True


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"uid {os.getuid()}"


def deployed(scenario: str) -> Path:
    """The folder of the release that serves a scenario on this installation."""
    _, store = installation()
    release = registry.deployed_release(store, scenario)
    if release is None:
        raise VintageError(
            f"{scenario}: expected a deployed champion in {store.uri}, found none; "
            f"train one with: vintage run {scenario}"
        )
    folder = store.local(registry.find_release(store, scenario, release))
    from components.scoring.release import Release

    if (found := Release.read(folder).id) != release:
        raise BundleError(f"{scenario}: expected release {release[:12]}, found {found[:12]}")
    return folder


def deployed_scenarios() -> list[str]:
    """The scenarios that have a deployed champion."""
    _, store = installation()
    return registry.deployed_scenarios(store)


def load_deployed(scenario: str) -> "Scorer":
    """The scorer of the release that serves a scenario."""
    from components.scoring.scorer import Scorer

    return Scorer(deployed(scenario))


@dataclass(frozen=True)
class Registered:
    """A release, and when it was champion."""

    release: str
    facts: Mapping[str, Any]  # none where it is no longer in the store
    promotions: tuple["Promotion", ...]
    champion: bool


def releases(scenario: str) -> list[Registered]:
    """Every release of a scenario in the order of their registration."""
    settings, store = installation()
    entries = registry.list_releases(store, scenario)
    promotions = _promotions(settings, entries, scenario)
    present = promotions[-1].release if promotions else None
    facts = {str(entry.facts["release"]): entry.facts for entry in entries}
    return [
        Registered(
            release,
            facts.get(release, {}),
            tuple(one for one in promotions if one.release == release),
            release == present,
        )
        for release in dict.fromkeys([*facts, *(one.release for one in promotions)])
    ]


def release_to_go_back_to(scenario: str, wanted: str = "") -> str:
    """The release that a roll-back makes champion again: `wanted`, or the one before this one."""
    settings, store = installation()
    promotions = _promotions(settings, registry.list_releases(store, scenario), scenario)
    if wanted and promotions:
        wanted = str(registry.find_release(store, scenario, wanted).facts["release"])
    found = registry.former_champion(scenario, promotions, wanted)
    registry.find_release(store, scenario, found)  # it may be gone
    return found


def _promotions(settings: Settings, entries: list[Entry], scenario: str) -> "list[Promotion]":
    if not entries:
        return []  # to look must not make a database
    from components.storage.database import Database

    return Database(settings.database).promotions(scenario)


def tracking_uri() -> str:
    """MLflow's store of this installation; it must be there already."""
    settings = Settings.from_environment()
    place = settings.tracking.removeprefix("sqlite:///")
    if place != settings.tracking and not Path(place).exists():
        raise VintageError(f"ui: expected an MLflow store at {place}, found none; see: vintage run")
    return settings.tracking


def log_of(run: str) -> Path:
    """Where all that the tasks of a run here print goes."""
    return Settings.from_environment().log_of(run)


def decisions_folder() -> Path:
    """Where servers of this installation write decisions down."""
    from components.scoring.decisions import FOLDER

    return Settings.from_environment().home / FOLDER
