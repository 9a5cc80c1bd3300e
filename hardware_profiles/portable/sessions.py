"""The runtimes that execute a file with nothing but numpy and their own package: what a bundle can be run on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hardware_profiles.runtime import Executable

__all__ = ["SESSIONS", "open_model"]

SESSIONS = ("onnxruntime", "openvino")


def open_model(runtime: str, content: bytes, *, threads: int, float_precision: str) -> Executable:
    """Compile the bytes of a saved model.

    Parameters
    ----------
    runtime
        One of ``SESSIONS``.
    content
        What :meth:`hardware_profiles.runtime.Executable.save` wrote.
    threads, float_precision
        As for :meth:`hardware_profiles.runtime.Runtime.compile`.
    """
    if runtime == "openvino":
        from hardware_profiles.openvino_session import OpenVinoSession

        return OpenVinoSession(content, threads=threads, float_precision=float_precision)
    from hardware_profiles.onnx.session import OnnxSession

    assert runtime == "onnxruntime", runtime
    return OnnxSession(content, threads=threads, float_precision=float_precision)
