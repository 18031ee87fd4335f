"""The trained bundles of the small use case, and an installation on a cluster."""

from tests.deployment.installing import installation, second
from tests.making import models

__all__ = ["installation", "models", "second"]
