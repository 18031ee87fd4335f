"""The steps of release: register a judged bundle as champion, deploy it, find it again."""

# The libraries load inside the functions: a reused step never needs them.

import getpass
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from components.contracts.errors import BundleError, PromotionConflictError, VintageError
from components.storage.objects import Entry, Store, open_store
from components.storage.settings import Settings
from components.storage.steps import Artifact, Task, hand_over, take, task

#: The part of a deploy task's time that a roll-out may take; the rest is for its undoing.
_PATIENCE = 0.5

if TYPE_CHECKING:
    from components.scoring.release import Release
    from components.scoring.scorer import Scorer


def register(
    *, spec: str, run: str, timeout_minutes: float, models: Artifact, decision: Artifact,
    snapshot: Artifact, release: Artifact,
) -> None:  # fmt: skip
    """Make the judged bundle, the policy and the snapshot a release, and promote it.

    1. Publish the release (`releases`), one folder named by the hash of its three parts, once
       it verified as the server would verify it.
    2. Append the promotion, unless this release is the champion already; mirror it to MLflow.
    """
    scenario = json.loads(spec)["scenario"]
    with task("register", scenario=scenario, run=run, timeout_minutes=timeout_minutes) as work:
        judged, trained, looked_up = take(decision), take(models), take(snapshot)
        made = _publish_release(work, spec, judged, trained, looked_up)
        number = _promote(work, made, judged)
        work.record.facts = {"release": made.facts["release"], "number": number}
        hand_over(made, release)


def _publish_release(
    work: Task, spec: str, judged: Entry, trained: Entry, snapshot: Entry
) -> Entry:
    from components.scoring.release import CutOff, Release

    decision = json.loads((work.store.local(judged) / "decision.json").read_text())
    made = Release(
        scenario=decision["scenario"],
        family=decision["family"],
        bundle=decision["bundle"],
        snapshot=str(snapshot.facts["sha256"]),
        policy=CutOff(**json.loads(spec)["policy"]),
    )
    return work.find_or_make(
        _release_key(made.scenario, made.id),
        lambda target: _write_release(work, made, trained, snapshot, target),
    )


def _release_key(scenario: str, release: str) -> str:
    return f"{scenario}/releases/{release}"


def _write_release(
    work: Task, made: "Release", trained: Entry, snapshot: Entry, target: Path
) -> Mapping[str, object]:
    from components.scoring.release import BUNDLE, RELEASE, SNAPSHOT
    from components.scoring.scorer import Scorer

    candidates = json.loads((work.store.local(trained) / "candidates.json").read_text())
    chosen = next(c for c in candidates["candidates"] if c["bundle"] == made.bundle)
    (target / BUNDLE).mkdir()
    for file in (work.store.local(trained) / chosen["folder"]).iterdir():
        _copy(file, target / BUNDLE / file.name)
    _copy(work.store.local(snapshot) / SNAPSHOT, target / SNAPSHOT)
    (target / RELEASE).write_text(made.to_json())
    Scorer(target, made.id)
    return {"release": made.id}


def _copy(source: Path, target: Path) -> None:
    """A file that never changes under a second name: a link where the disk can, else a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _promote(work: Task, made: Entry, judged: Entry) -> int:
    """Promote a release that is not champion yet. Returns its number in the promotions table."""
    from components.storage.database import Database

    scenario, release = work.record.scenario, str(made.facts["release"])
    database = Database(work.settings.database)
    champion = database.champion(scenario)
    if champion is None or champion.release != release:
        work.record.reused = False
        champion = database.promote(
            scenario,
            release,
            after=champion.number if champion else 0,
            run=work.run,
            who=_who(),
            why="passed the gate",
            figures=judged.facts["metrics"],  # type: ignore[arg-type]
        )
    mirrored = f"{scenario}/mirrored/{champion.number}"
    if work.store.get(mirrored) is None:
        from components.storage.tracking import Tracking

        Tracking(work.settings).mirror_champion(
            scenario,
            uri=made.uri,
            mlflow_run=str(judged.facts["mlflow_run"]),
            release=release,
            number=champion.number,
        )
        work.store.put(mirrored, release)
    return champion.number


def deploy(*, scenario: str, run: str, timeout_minutes: float, release: Artifact) -> None:
    """Make the champion's release the one that serves: on this machine, or on the cluster.

    1. Bring it up: loaded as the server does (hashes, golden rows, snapshot), or rolled out as
       an InferenceService whose golden rows score as recorded through its Service.
    2. Point the deployment at it. Where it does not come up, promote the former release back
       and fail; what served goes on serving.
    """
    with task("deploy", scenario=scenario, run=run, timeout_minutes=timeout_minutes) as work:
        made = take(release)
        wanted = str(made.facts["release"])
        former = work.store.get(_deployment(scenario))
        on_cluster = bool(work.settings.namespace)
        if former == wanted and not on_cluster:
            return
        work.record.reused = False
        _check_champion(work, wanted)
        from components.scoring.scorer import Scorer

        try:
            if on_cluster:
                _roll_out(work, made, wanted, patience_s=timeout_minutes * 60 * _PATIENCE)
            else:
                Scorer(work.store.local(made), wanted)
        except Exception as error:
            if _roll_back(work, wanted, former) and isinstance(error, VintageError):
                # Another release is champion now: a second try could only say that.
                error.transient = False
            raise
        _check_champion(work, wanted)
        work.store.put(_deployment(scenario), wanted)


def _roll_out(work: Task, made: Entry, wanted: str, *, patience_s: float) -> None:
    from components.deployment.cluster import Cluster
    from components.deployment.kserve import inference_service
    from components.deployment.rollout import NotUndoneError, roll_out
    from components.scoring.bundle import Bundle
    from components.scoring.release import BUNDLE

    scenario, namespace = work.record.scenario, work.settings.namespace
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
            inference_service(scenario, namespace, release=wanted, uri=made.uri),
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

    champion = Database(work.settings.database).champion(work.record.scenario)
    if champion is None or champion.release != release:
        found = "none" if champion is None else f"{champion.release[:12]} by run {champion.run}"
        raise PromotionConflictError(
            f"{work.record.scenario}: expected release {release[:12]} to be the champion still, "
            f"found {found}; what serves goes on serving"
        )


def _deployment(scenario: str) -> str:
    """The document that holds the id of the release that serves."""
    return f"deployments/{scenario}"


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
        why=f"rolled back: release {failed[:12]} could not be deployed",
        figures={},
    )
    return True


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"uid {os.getuid()}"


def _store() -> Store:
    settings = Settings.from_environment()
    return open_store(settings.store, settings.home)


def deployed(scenario: str) -> Path:
    """The folder of the release that serves a scenario on this installation."""
    store = _store()
    release = store.get(_deployment(scenario))
    if release is None:
        raise VintageError(
            f"{scenario}: expected a deployed champion in {store.uri}, found none; "
            f"train one with: vintage run {scenario}"
        )
    entry = store.find(_release_key(scenario, release))
    if entry is None:
        raise VintageError(
            f"{scenario}: expected release {release[:12]} in {store.uri}, found none or a part"
        )
    folder = store.local(entry)
    from components.scoring.release import Release

    if (found := Release.read(folder).id) != release:
        raise BundleError(f"{scenario}: expected release {release[:12]}, found {found[:12]}")
    return folder


def deployed_scenarios() -> list[str]:
    """The scenarios that have a deployed champion."""
    return [name.removeprefix("deployments/") for name in _store().names("deployments")]


def load_deployed(scenario: str) -> "Scorer":
    """The scorer of the release that serves a scenario."""
    from components.scoring.scorer import Scorer

    return Scorer(deployed(scenario))


def tracking_uri() -> str:
    """MLflow's store of this installation; it must be there already."""
    settings = Settings.from_environment()
    place = settings.tracking.removeprefix("sqlite:///")
    if place != settings.tracking and not Path(place).exists():
        raise VintageError(f"ui: expected an MLflow store at {place}, found none; see: vintage run")
    return settings.tracking
