"""The trained bundles of the small use case."""

from tests.making import models

__all__ = ["models"]
