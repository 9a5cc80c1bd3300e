"""ONNX graphs: exported, rewritten to a precision policy, and run."""
