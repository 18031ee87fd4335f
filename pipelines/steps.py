"""One task of a run on KFP, whoever tells of it, and what it said."""

import re
from dataclasses import dataclass

_LINES = 12  # of a failed task's words
#: What KFP's launcher and executor say of themselves in a task's log.
_NOT_OURS = re.compile(r'[IWEF]\d{4} |time="|\[KFP Executor|Error: exit status|\s*$')


@dataclass(frozen=True)
class Step:
    """A task, or one try of it."""

    id: str
    task: str
    name: str
    state: str
    seconds: float
    #: Why it ended, where its pod says so.
    why: str = ""
    #: The ids of the nodes below it in Argo's graph, which a pod's name ends with.
    below: tuple[str, ...] = ()


def words_of(log: str) -> str:
    """What a task said, of all that is in its pod's log: what follows the inputs that KFP shows."""
    lines = log.splitlines()
    begin = max((n for n, line in enumerate(lines) if line == "}"), default=-1)
    return "\n".join([line for line in lines[begin + 1 :] if not _NOT_OURS.match(line)][-_LINES:])
