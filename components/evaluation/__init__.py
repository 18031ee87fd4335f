"""Figures on rows that were not trained on, the gate that judges them, and the report."""
