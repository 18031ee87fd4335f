"""The words that the rooms share: declarations, results, errors. Imports nothing of ours."""
