"""What was decided, what came of it, and whether it is still what the model was made for."""
