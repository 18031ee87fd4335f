"""Matrix in, bundle out: encode, fit each declared family, choose, write bundles."""
