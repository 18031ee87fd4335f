"""The steps of release: register a judged bundle as champion, deploy it, find it again."""

# The libraries load inside the functions: a reused step never needs them.

import getpass
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from components.contracts.errors import BundleError, VintageError
from components.storage.keys import canonical, text_digest
from components.storage.objects import Entry, Store, open_store
from components.storage.settings import Settings
from components.storage.steps import Artifact, Task, hand_over, take, task

if TYPE_CHECKING:
    from components.contracts.results import Release
    from components.scoring.release import Place, Scorer


def register(
    *, spec: str, run: str, timeout_minutes: float, models: Artifact, decision: Artifact,
    snapshot: Artifact, release: Artifact,
) -> None:  # fmt: skip
    """Make the judged bundle, the policy and the snapshot a release, and promote it.

    1. Verify the bundle as the server would: its hashes, its golden rows.
    2. Publish the release (`releases`), named by the hash of its three parts.
    3. Append the promotion, unless this release is the champion already; mirror it to MLflow.
    """
    scenario = json.loads(spec)["scenario"]
    with task("register", scenario=scenario, run=run, timeout_minutes=timeout_minutes) as work:
        judged, trained, looked_up = take(decision), take(models), take(snapshot)
        parts = _parts(work, spec, judged, looked_up)
        identity = text_digest(canonical(parts))
        made = work.find_or_make(
            f"{scenario}/releases/{identity}",
            lambda target: _write_release(work, spec, identity, parts, trained, looked_up, target),
        )
        number = _promote(work, made, judged)
        work.record.facts = {"release": identity, "number": number}
        hand_over(made, release)


def _parts(work: Task, spec: str, judged: Entry, snapshot: Entry) -> dict[str, str]:
    decision = json.loads((work.store.local(judged) / "decision.json").read_text())
    policy = json.loads(spec)["policy"]
    return {
        "bundle": decision["bundle"],
        "policy": text_digest(canonical(policy)),
        "snapshot": str(snapshot.facts["sha256"]),
    }


def _write_release(
    work: Task,
    spec: str,
    identity: str,
    parts: Mapping[str, str],
    trained: Entry,
    snapshot: Entry,
    target: Path,
) -> Mapping[str, object]:
    from components.contracts.results import Candidates, Release
    from components.contracts.scenario import ReleaseSpec
    from components.scoring.bundle import Bundle

    declared = ReleaseSpec.model_validate_json(spec)
    folder = work.store.local(trained)
    candidates = Candidates.model_validate_json((folder / "candidates.json").read_text())
    chosen = next(c for c in candidates.candidates if c.bundle == parts["bundle"])
    Bundle.load(folder / chosen.folder, chosen.bundle).check_golden()
    written = Release(
        id=identity,
        scenario=declared.scenario,
        family=chosen.family,
        bundle=parts["bundle"],
        bundle_path=f"{trained.path(work.store)}/{chosen.folder}",
        policy=parts["policy"],
        policy_version=declared.policy.version,
        approve_below=declared.policy.approve_below,
        snapshot=parts["snapshot"],
        snapshot_path=snapshot.path(work.store),
    )
    (target / "release.json").write_text(written.model_dump_json(indent=1) + "\n")
    return {"release": identity}


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
            bundle_uri=f"{work.store.uri}/{_read_release(work.store, made).bundle_path}/",
            mlflow_run=str(judged.facts["mlflow_run"]),
            release=release,
            number=champion.number,
        )
        work.store.put(mirrored, release)
    return champion.number


def deploy(*, scenario: str, run: str, timeout_minutes: float, release: Artifact) -> None:
    """Make the champion's release the one that serves on this installation.

    1. Load it as the server does: hashes, golden rows, snapshot.
    2. Point the deployment at it. Where it does not load, promote the former release back
       and fail; what served goes on serving.
    """
    with task("deploy", scenario=scenario, run=run, timeout_minutes=timeout_minutes) as work:
        written = _read_release(work.store, take(release))
        document = f"deployments/{scenario}.json"
        wanted = written.model_dump_json(indent=1) + "\n"
        former = work.store.get(document)
        if former == wanted:
            return
        work.record.reused = False
        from components.scoring.release import Scorer

        try:
            Scorer(_place(work.store, written))
        except BundleError:
            _roll_back(work, former)
            raise
        work.store.put(document, wanted)


def _roll_back(work: Task, former: str | None) -> None:
    """Append a promotion of the release that still serves, so that the table says the truth."""
    from components.storage.database import Database

    database = Database(work.settings.database)
    champion = database.champion(work.record.scenario)
    if former is None or champion is None:
        return
    database.promote(
        work.record.scenario,
        json.loads(former)["id"],
        after=champion.number,
        run=work.run,
        who=_who(),
        why=f"rolled back: release {champion.release[:12]} could not be deployed",
        figures={},
    )


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"uid {os.getuid()}"


def _read_release(store: Store, entry: Entry) -> "Release":
    from components.contracts.results import Release

    text = (store.local(entry) / "release.json").read_text()
    return Release.model_validate_json(text)


def _place(store: Store, release: "Release") -> "Place":
    from components.scoring.release import Place

    return Place(
        release=release.id,
        scenario=release.scenario,
        bundle_folder=str(store.part(release.bundle_path)),
        bundle=release.bundle,
        snapshot_folder=str(store.part(release.snapshot_path)),
        snapshot=release.snapshot,
        approve_below=release.approve_below,
    )


def deployed(scenario: str) -> "Place":
    """The release that serves a scenario on this installation."""
    from components.contracts.results import Release

    settings = Settings.from_environment()
    store = open_store(settings.store, settings.home)
    text = store.get(f"deployments/{scenario}.json")
    if text is None:
        raise VintageError(
            f"{scenario}: expected a deployed champion in {settings.home}, found none; "
            f"train one with: vintage run {scenario}"
        )
    return _place(store, Release.model_validate_json(text))


def deployed_scenarios() -> list[str]:
    """The scenarios that have a deployed champion."""
    settings = Settings.from_environment()
    names = open_store(settings.store, settings.home).names("deployments")
    return [Path(name).stem for name in names]


def load_deployed(scenario: str) -> "Scorer":
    """The scorer of the release that serves a scenario."""
    from components.scoring.release import Scorer

    return Scorer(deployed(scenario))


def tracking_uri() -> str:
    """MLflow's store of this installation; it must be there already."""
    settings = Settings.from_environment()
    place = settings.tracking.removeprefix("sqlite:///")
    if place != settings.tracking and not Path(place).exists():
        raise VintageError(f"ui: expected an MLflow store at {place}, found none; see: vintage run")
    return settings.tracking
