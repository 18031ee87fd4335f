"""Scoring servers, ours among them, each started as those who run it start it."""
