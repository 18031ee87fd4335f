"""Generators of sample data: each scenario's schema and dirt, with the truths planted in it."""
