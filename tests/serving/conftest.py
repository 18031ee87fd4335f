"""The trained bundles of the small use case."""

from tests.making import models as models
