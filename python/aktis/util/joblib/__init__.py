"""Makes the cluster a backend of joblib, and so of scikit-learn.

Owns the names under which it is registered. Does not own the backend
(`aktis.util.joblib.backend`); joblib is imported only when a program registers.
"""

from __future__ import annotations

__all__ = ["register_aktis", "register_ray"]


def register_aktis() -> None:
    """From now on `joblib.parallel_config(backend="aktis")` runs on the cluster.

    Options of tasks may follow: `parallel_config(backend="aktis", num_cpus=2)`.

    Raises:
        ImportError: joblib is not installed.
    """
    _register("aktis")


def register_ray() -> None:
    """From now on `joblib.parallel_config(backend="ray")` runs on the cluster.

    Options of tasks may follow: `parallel_config(backend="ray", ray_remote_args={...})`.

    Raises:
        ImportError: joblib is not installed.
    """
    _register("ray")


def _register(name: str) -> None:
    try:
        from joblib import register_parallel_backend
    except ImportError as error:
        message = "joblib is not installed; `pip install joblib` brings it"
        raise ImportError(message) from error
    from aktis.util.joblib.backend import AktisBackend

    register_parallel_backend(name, AktisBackend)
