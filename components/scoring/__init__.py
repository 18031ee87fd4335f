"""The one scorer: evaluation, batch, command line and server score through this room alone.

It needs numpy and ONNX Runtime, nothing else, and reads a bundle by its own numbered format.
"""
