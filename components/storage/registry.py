"""The registry: which releases there are, which of them was champion, which may become one.

A release is an entry of the store. What it was made from, when and by which run is of its latest
registration: a small document a release, and one for the latest of a scenario. Who was champion
is for the promotions table to say.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from components.contracts.errors import PromotionConflictError, VintageError
from components.storage.objects import Entry, Store, published

if TYPE_CHECKING:
    from components.storage.database import Promotion

_ID = re.compile("[0-9a-f]{6,64}")
_WHOLE = 64


def release_key(scenario: str, release: str) -> str:
    """Where a release lies in the store."""
    return f"{scenario}/releases/{release}"


def find_release(store: Store, scenario: str, release: str) -> Entry:
    """A release by its id, or a start of it that no other one has; by nothing, the latest one."""
    release = release or latest_registered(store, scenario) or ""
    if not release:
        raise VintageError(
            f"{scenario}: expected a registered release in {store.uri}, found none; "
            f"train one with: vintage run {scenario}"
        )
    if not _ID.fullmatch(release):
        raise VintageError(
            f"{scenario}: expected a release's id or its first six digits and more, "
            f"found {release[:80]!r}"
        )
    alike = [release]
    if len(release) < _WHOLE:
        alike = [known for known in _ids(store, scenario) if known.startswith(release)]
    if len(alike) > 1:
        raise VintageError(
            f"{scenario}: expected one release that begins with {release}, found {len(alike)}: "
            + ", ".join(known[:12] for known in alike)
        )
    entry = _find(store, scenario, alike[0]) if alike else None
    if entry is None:
        raise VintageError(
            f"{scenario}: expected release {release[:12]} in {store.uri}, found none or a part"
        )
    return entry


def list_releases(store: Store, scenario: str) -> list[Entry]:
    """Every whole release of a scenario, in the order in which they were registered."""
    found = (_find(store, scenario, known) for known in _ids(store, scenario))
    whole = [entry for entry in found if entry is not None]
    return sorted(whole, key=lambda entry: (str(entry.facts.get("registered_at")), entry.key))


def _find(store: Store, scenario: str, release: str) -> Entry | None:
    """A whole release; its facts are those of its latest registration."""
    entry = store.find(release_key(scenario, release))
    latest = store.get(_registration(scenario, release)) if entry else None
    return (
        replace(entry, facts={**entry.facts, **json.loads(latest)}) if entry and latest else entry
    )


def _ids(store: Store, scenario: str) -> list[str]:
    keys = published(store, release_key(scenario, "").rstrip("/"), "[0-9a-f]{64}")
    return [key.rpartition("/")[2] for key in keys]


def note_registration(
    store: Store, scenario: str, release: str, facts: Mapping[str, object]
) -> None:
    """Keep the facts of a release's latest registration."""
    store.put(_registration(scenario, release), json.dumps(facts, sort_keys=True))


def _registration(scenario: str, release: str) -> str:
    return f"registrations/{scenario}/{release}"


def note_registered(store: Store, scenario: str, release: str) -> None:
    """Make a release the latest registered one."""
    store.put(_latest(scenario), release)


def latest_registered(store: Store, scenario: str) -> str | None:
    """The id of the release that was registered last."""
    return store.get(_latest(scenario))


def _latest(scenario: str) -> str:
    return f"registered/{scenario}"


def note_deployed(store: Store, scenario: str, release: str) -> None:
    """Make a release the one that serves."""
    store.put(_deployment(scenario), release)


def deployed_release(store: Store, scenario: str) -> str | None:
    """The id of the release that serves."""
    return store.get(_deployment(scenario))


def deployed_scenarios(store: Store) -> list[str]:
    """The scenarios of which a release serves."""
    return [name.removeprefix(_deployment("")) for name in store.names(_deployment("").rstrip("/"))]


def _deployment(scenario: str) -> str:
    return f"deployments/{scenario}"


def note_shadow(store: Store, scenario: str, release: str, share: float) -> None:
    """Declare a release beside the champion, with its share of the entities; "" for none."""
    store.put(_shadow(scenario), json.dumps({"release": release, "share": share}))


def declared_shadow(store: Store, scenario: str) -> tuple[str, float]:
    """The release that is declared beside the champion, and its share; "" for none."""
    text = store.get(_shadow(scenario))
    try:
        declared = json.loads(text) if text else {}
        return str(declared.get("release", "")), float(declared.get("share", 0.0))
    except (ValueError, TypeError, AttributeError) as error:
        raise VintageError(
            f"shadow {scenario}: expected a declaration in {store.uri}, found otherwise: {error}"
        ) from None


def _shadow(scenario: str) -> str:
    return f"shadows/{scenario}"


def undone(release: str) -> str:
    """Why a promotion follows that of a release which did not come up."""
    return f"rolled back: release {release[:12]} could not be deployed"


def champions(promotions: Sequence["Promotion"]) -> list["Promotion"]:
    """The promotions that stood: those of releases that never came up are not among them."""
    pairs = zip(promotions, [*promotions[1:], None], strict=False)
    return [one for one, later in pairs if _stood(one, later)]


def _stood(one: "Promotion", later: "Promotion | None") -> bool:
    if one.ground is None:  # of before it was noted what came up
        return later is None or not _failed(later) or later.why != undone(one.release)
    return one.came_up or _failed(one)


def _failed(one: "Promotion") -> bool:
    """Whether it only says that the release before it did not come up."""
    return one.ground == "failed" or (one.ground is None and one.why.startswith("rolled back: "))


def _line(promotions: Sequence["Promotion"]) -> list["Promotion"]:
    """The champions that lead to the present one; a roll-back takes away what came after."""
    line: list[Promotion] = []
    for one in champions(promotions):
        back = _failed(one) or one.ground == "rollback"
        back = back or (one.ground is None and one.why == "rolled back")
        if back and any(former.release == one.release for former in line):
            while line[-1].release != one.release:
                line.pop()
        else:
            line.append(one)
    return line


def standing_champion(promotions: Sequence["Promotion"]) -> "Promotion | None":
    """The promotion that a challenger has to beat: the last; none where nothing ever came up."""
    return promotions[-1] if champions(promotions) else None


def was_champion(promotions: Sequence["Promotion"], release: str) -> bool:
    """Whether a release was champion, and is not any more."""
    present = standing_champion(promotions)
    former = any(one.release == release for one in champions(promotions))
    return former and present is not None and present.release != release


def why_promote(
    scenario: str,
    release: str,
    *,
    run: str,
    named: bool,
    why: str,
    promotions: Sequence["Promotion"],
    audit: Sequence[Mapping[str, object]],
) -> tuple[str, str]:
    """The ground on which a release may be made champion, and what is said of it. Raises where
    there is none.

    1. `first`: there is no champion that ever came up.
    2. `rollback`: it was champion before, and was named by who wants it back; the run that
       challenged with it wants a win.
    3. `won`: it won its latest challenge of the present champion; `alike`: that one had nothing
       to compare, the two are one model.
    4. `explicit`: that challenge could not compare the two, and a person says `why`.

    A run does so once.
    """
    if any(one.run == run and one.release == release for one in promotions):
        raise overtaken(scenario, release, promotions[-1])
    present = standing_champion(promotions)
    if present is None:
        return "first", why
    challenges = [
        (row.get("run"), decision)
        for row in audit
        if isinstance(decision := row["decision"], Mapping)
        and {"kind": "challenge", "release": release}.items() <= decision.items()
    ]
    challenged = any(by == run for by, _ in challenges)
    was = any(one.release == release for one in champions(promotions))
    if was and named and not challenged:
        return "rollback", why
    verdicts = [verdict for _, verdict in challenges if verdict.get("champion") == present.number]
    latest = verdicts[-1] if verdicts else {}
    if latest.get("passed") is True:
        compared = latest.get("compared", True)  # an older verdict does not say
        return ("won", why) if compared else ("alike", why or str(latest["why"]))
    against = f"the champion, release {present.release[:12]} (number {present.number})"
    if latest.get("comparable") is False:
        if why:
            return "explicit", why
        raise VintageError(
            f"{scenario}: expected release {release[:12]} to be compared with {against}, found "
            f"that it cannot be: {latest.get('why')}; a person may decide, with: "
            f"vintage run {scenario} --pipeline release --why TEXT"
        )
    raise VintageError(
        f"{scenario}: expected release {release[:12]} to have won a challenge of {against}, "
        f"found {'that it lost' if latest else 'none'}; "
        f"challenge it with: vintage run {scenario} --pipeline challenge"
    )


def overtaken(scenario: str, release: str, champion: "Promotion | None") -> PromotionConflictError:
    """The error of a run whose release is champion no more: it must not take serving back."""
    found = "none" if champion is None else f"{champion.release[:12]} by run {champion.run}"
    return PromotionConflictError(
        f"{scenario}: expected release {release[:12]} to be the champion still, "
        f"found {found}; what serves goes on serving"
    )


def former_champion(scenario: str, promotions: Sequence["Promotion"], wanted: str = "") -> str:
    """The release to go back to: `wanted`, or the one that led to the present one.

    Who goes back twice goes back further, never to what was gone back from.
    """
    if not promotions:
        raise VintageError(
            f"{scenario}: expected a champion to go back from, found none; "
            f"train one with: vintage run {scenario}"
        )
    last, present = promotions[-1], promotions[-1].release
    if last.ground == "rollback" and not last.came_up and wanted in ("", present):
        return present  # a way back that was cut short
    if wanted == present:
        raise VintageError(
            f"{scenario}: expected a release to go back to, found that {wanted[:12]} is the "
            "champion already"
        )
    if wanted and wanted not in [one.release for one in champions(promotions)]:
        raise VintageError(
            f"{scenario}: expected a release that was champion before, found {wanted[:12]}, "
            f"which never was; see: vintage releases {scenario}"
        )
    known = [one.release for one in _line(promotions) if one.release != present]
    if not wanted and not known:
        raise VintageError(
            f"{scenario}: expected a champion before release {present[:12]} to go back to, "
            "found none"
        )
    return wanted or known[-1]
