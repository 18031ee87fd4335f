"""What runs in a pipeline. Each stage is a room; `docs/layout.md` is the map."""
