"""Every figure that is promised, each as a ratio with its peer in one run."""
