"""Inputs of every kind, in range and out of it refused or missing."""

from components.scoring.spec import Input

AMOUNT = Input("AMOUNT", "number", minimum=0, maximum=100)
ANY = Input("ANY", "number")
MAYBE = Input("MAYBE", "number", nullable=True)
WHOLE = Input("WHOLE", "integer", minimum=-2)
GRADE = Input("GRADE", "category", values=("1", "2", "high"))
BIRTHDAY = Input("BIRTHDAY", "date")
SINCE = Input("SINCE", "date", nullable=True)
INPUTS = (AMOUNT, MAYBE, WHOLE, GRADE, SINCE)
BORN = Input("BORN", "date", minimum=0, maximum=31)
JOB = Input("JOB", "date", nullable=True, maximum=47_482, outside="missing")
AGE = Input("AGE", "integer", nullable=True, minimum=0, maximum=120, outside="missing")
WORTH = Input("WORTH", "number", nullable=True, minimum=0, outside="missing")
RISK = Input("RISK", "category", values=("low", "9"), nullable=True, outside="missing")
LENIENT = (JOB, AGE, WORTH, RISK)
