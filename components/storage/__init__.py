"""The outside world: object store, promotions table, MLflow, notifications. Reached from steps,
and where decisions are shipped.
"""
