"""The pipelines, the scenarios, and the command line."""
