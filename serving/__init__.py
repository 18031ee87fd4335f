"""The scoring server. Imports `components.scoring`, and nothing of Spark, kfp, sklearn, pandas."""
