"""Figures of scores and shares, how sure they are, and the pages that show them."""
