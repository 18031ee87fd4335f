"""What evaluation says in words."""

from components.contracts.people import Persons
from components.contracts.results import REASONS, Candidate, Figures, RuleResult
from components.figures.numbers import shown
from components.figures.psi import NO_MORE
from components.figures.words import NAMES

#: IV from which credit risk calls a feature weak, medium, strong, and too good to be true.
_IV_BANDS = ((0.02, "useless"), (0.1, "weak"), (0.3, "medium"), (0.5, "strong"))
_WEAK, _STRONG = 0.02, 0.3
SUSPICIOUS = "suspicious"
FEW_BAD, FEW_GOOD = "too few bad rows to tell", "too few good rows to tell"
RANKING = ("auc", "gini", "ks", "pr_auc", "brier", "log_loss", "ece", "psi")


def rule_row(rule: RuleResult) -> tuple[str, str, str, str]:
    """A gate rule as a line of a table: name, bound, figure, verdict."""
    verdict = "passed" if rule.passed else "failed"
    if rule.metric == REASONS:
        return NAMES[REASONS], "for every feature", _silent(rule), verdict
    name = NAMES[rule.metric] + ("" if rule.cutoff is None else f" at {rule.cutoff}")
    bound = ("at least" if rule.bound == "floor" else "at most") + f" {rule.limit:g}"
    return name, bound, shown(rule.found), verdict


def searched(candidate: Candidate) -> str:
    """How its parameters were searched, and how often."""
    tried = len(candidate.trials)
    return "as declared" if tried == 1 else f"{candidate.method}, {tried} trials"


def noise(figures: Figures) -> str:
    """What to hold an ECE against."""
    return f"noise alone gives up to {figures.ece_noise:.4f}"


def _silent(rule: RuleResult) -> str:
    return f"none for {', '.join(rule.silent)}" if rule.silent else "all"


def iv_word(iv: float, chance: float | None, bad: int, good: int) -> str:
    """What credit risk calls an information value, where so many bad and good rows can tell.

    A feature is called by what is above the most that chance gives. There is none for rows of one
    class.
    """
    few = FEW_BAD if bad <= good else FEW_GOOD
    if chance is None:
        return few
    if iv <= chance:
        return "useless" if chance < _WEAK else NO_MORE if chance < _STRONG else few
    above = max(iv - chance, min(iv, _WEAK))
    return next((name for border, name in _IV_BANDS if above < border), SUSPICIOUS)


def unseen(rows: int) -> str:
    """Who is no row, as nothing was known of them in time."""
    return (
        f"{rows:,} more of the merged table are no rows here: the first that is known of them is "
        "of the as-of or later, so on that day there was nothing to score them by. They are "
        "neither trained on nor scored."
    )


def strangers(persons: int) -> str:
    """Whom the label's table knows, and no row is of."""
    return (
        f"The label's table knows {persons:,} more who are no rows here: the merged table has none "
        "of them, so what came of them is nobody's label."
    )


def overlap(persons: Persons) -> str:
    """How many persons are on both sides."""
    test = persons.test
    return (
        f"{persons.both:,} of the {test.persons:,} persons of the test are in development too; "
        f"{persons.rows_of_both:,} of its {test.rows:,} rows are theirs."
    )
