"""The registry: which releases there are, which of them was champion, which may become one.

A release is an entry of the store; register notes the latest of a scenario in a small document.
Who was champion is for the promotions table to say.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from components.contracts.errors import PromotionConflictError, VintageError
from components.storage.objects import MANIFEST, Entry, Store

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
    entry = store.find(release_key(scenario, alike[0])) if alike else None
    if entry is None:
        raise VintageError(
            f"{scenario}: expected release {release[:12]} in {store.uri}, found none or a part"
        )
    return entry


def list_releases(store: Store, scenario: str) -> list[Entry]:
    """Every whole release of a scenario, in the order in which they were registered."""
    found = (store.find(release_key(scenario, known)) for known in _ids(store, scenario))
    whole = [entry for entry in found if entry is not None]
    return sorted(whole, key=lambda entry: (str(entry.facts.get("registered_at")), entry.key))


def _ids(store: Store, scenario: str) -> list[str]:
    place = re.compile(rf"{re.escape(release_key(scenario, ''))}([0-9a-f]{{64}})/{MANIFEST}")
    names = store.names(release_key(scenario, "").rstrip("/"))
    return [match[1] for name in names if (match := place.fullmatch(name))]


def note_registered(store: Store, scenario: str, release: str) -> None:
    """Make a release the latest registered one."""
    store.put(_latest(scenario), release)


def latest_registered(store: Store, scenario: str) -> str | None:
    """The id of the release that was registered last."""
    return store.get(_latest(scenario))


def _latest(scenario: str) -> str:
    return f"registered/{scenario}"


def undone(release: str) -> str:
    """Why a promotion follows that of a release which did not come up."""
    return f"rolled back: release {release[:12]} could not be deployed"


def champions(promotions: Sequence["Promotion"]) -> list["Promotion"]:
    """The promotions that stood: those of releases that never came up are not among them."""
    after = [later.why for later in promotions[1:]]
    pairs = zip(promotions, [*after, ""], strict=False)
    return [one for one, why in pairs if why != undone(one.release)]


def why_promote(
    scenario: str,
    release: str,
    *,
    run: str,
    promotions: Sequence["Promotion"],
    audit: Sequence[Mapping[str, object]],
) -> str:
    """Why a release may be made champion in place of the present one. Raises where it may not.

    It may where there is none, where it won its challenge of the present one, and where it was
    champion before; but a run does so once.
    """
    if not promotions:
        return "first champion"
    present = promotions[-1]
    if any(one.run == run and one.release == release for one in promotions):
        raise overtaken(scenario, release, present)
    won = {"kind": "challenge", "release": release, "champion": present.number, "passed": True}
    decisions = (row["decision"] for row in audit)
    if any(isinstance(d, Mapping) and won.items() <= d.items() for d in decisions):
        return "won the challenge"
    if any(one.release == release for one in champions(promotions)):
        return "rolled back"
    raise VintageError(
        f"{scenario}: expected release {release[:12]} to have won a challenge of the champion, "
        f"release {present.release[:12]} (number {present.number}), found none that it won; "
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
    """The release to go back to: `wanted`, or the one that was champion before the present one."""
    if not promotions:
        raise VintageError(
            f"{scenario}: expected a champion to go back from, found none; "
            f"train one with: vintage run {scenario}"
        )
    present = promotions[-1].release
    if wanted == present:
        raise VintageError(
            f"{scenario}: expected a release to go back to, found that {wanted[:12]} is the "
            "champion already"
        )
    known = [one.release for one in champions(promotions) if one.release != present]
    if wanted and wanted not in known:
        raise VintageError(
            f"{scenario}: expected a release that was champion before, found {wanted[:12]}, "
            f"which never was; see: vintage releases {scenario}"
        )
    if not known:
        raise VintageError(
            f"{scenario}: expected a champion before release {present[:12]} to go back to, "
            "found none"
        )
    return wanted or known[-1]
