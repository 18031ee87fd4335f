"""Spark, frame in, frame out: from the lender's files to a gold table with label and split."""
