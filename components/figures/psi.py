"""What a PSI is called where people read it."""

from components.contracts.results import Moved

#: PSI from which credit risk calls a change moderate, and significant.
MODERATE, SIGNIFICANT = 0.1, 0.25
NO_MORE = "no more than chance"
FEW_ROWS = "too few rows to tell"


def psi_word(found: Moved) -> str:
    """What credit risk calls a PSI, where it is above the most that chance gives."""
    if found.psi <= found.by_chance and found.by_chance >= SIGNIFICANT:
        return FEW_ROWS
    if found.psi < MODERATE:
        return "stable"
    if found.psi <= found.by_chance:
        return NO_MORE
    return "moderate" if found.psi < SIGNIFICANT else "significant"
