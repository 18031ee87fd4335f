"""Errors that a user can act on. Each names the object, what was expected and what was found.

No third-party import here: the fast paths (a reused step, `vintage --help`) load this module.
"""

from collections.abc import Sequence


class VintageError(Exception):
    """Something the user can mend. Shown as one message, never as a traceback."""

    #: Whether trying the same again may help. Bad input stays bad.
    transient = False


class ContractError(VintageError):
    """Sources break their data contract. Lists every failure at once."""

    def __init__(self, subject: str, failures: Sequence[str]) -> None:
        self.failures = tuple(failures)
        lines = "\n".join(f"  - {failure}" for failure in failures)
        plural = "failure" if len(failures) == 1 else "failures"
        super().__init__(f"{subject}: {len(failures)} contract {plural}\n{lines}")


class GateRefusedError(VintageError):
    """The gate refused the candidate; nothing was deployed."""


class BundleError(VintageError):
    """A bundle is not what its hash says, or does not score as recorded."""


class InstanceError(VintageError):
    """A row to score is not what the bundle's inputs declare. Lists every field at fault."""

    def __init__(self, subject: str, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__(f"{subject}: " + "; ".join(faults))


class EnvironmentFaultError(VintageError):
    """The machine lacks something: Java, disk space, a port, a server."""

    transient = True


class PromotionConflictError(VintageError):
    """Somebody else promoted first; the other promotion stands."""


def no_space(where: str, free_bytes: int) -> EnvironmentFaultError:
    """The error for a full disk, whoever met it (Python, the JVM, SQLite)."""
    return EnvironmentFaultError(
        f"{where}: expected room to write, found a full disk "
        f"({free_bytes / 1e6:.0f} MB free); nothing was published"
    )


def is_no_space(error: BaseException) -> bool:
    """Whether an error, or any error that it stems from, says that the disk is full."""
    seen: BaseException | None = error
    while seen is not None:
        text = str(seen)
        if "No space left on device" in text or "disk is full" in text:
            return True
        seen = seen.__cause__ or seen.__context__
    return False
