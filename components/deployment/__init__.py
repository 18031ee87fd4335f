"""From a judged bundle to a release that serves: register, deploy, check, roll back."""
