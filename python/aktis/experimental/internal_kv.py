"""The head's table of keys and values, which all processes of a cluster share.

Owns Ray's names and their arguments. Does not own the table (the head): it is small, and what is
large belongs into `aktis.put`.
"""

from __future__ import annotations

from aktis._kernel import queries, session

Text = str | bytes

__all__ = [
    "_internal_kv_del",
    "_internal_kv_exists",
    "_internal_kv_get",
    "_internal_kv_initialized",
    "_internal_kv_list",
    "_internal_kv_put",
]


def _internal_kv_initialized() -> bool:
    """Returns whether there is a session, and so a table."""
    return session.current() is not None


def _internal_kv_get(key: Text, *, namespace: Text | None = None) -> bytes | None:
    """Returns the value of a key; None if there is none."""
    return queries.kv_get(_bytes("key", key), namespace=_name(namespace))


def _internal_kv_exists(key: Text, *, namespace: Text | None = None) -> bool:
    """Returns whether a key has a value."""
    return _internal_kv_get(key, namespace=namespace) is not None


def _internal_kv_put(
    key: Text,
    value: Text,
    overwrite: bool = True,  # noqa: FBT001, FBT002 - Ray's signature
    *,
    namespace: Text | None = None,
) -> bool:
    """Sets the value of a key.

    Args:
        key: The key.
        value: Its value.
        overwrite: Whether a value that is there gives way.
        namespace: Keys of one namespace are apart from those of others.

    Returns:
        Whether the key had a value before.

    Raises:
        ObjectStoreFullError: The table is full.
    """
    if not isinstance(overwrite, bool):
        message = f"overwrite must be True or False, not {overwrite!r}"
        raise TypeError(message)
    told = _bytes("key", key), _bytes("value", value)
    return not queries.kv_put(*told, overwrite=overwrite, namespace=_name(namespace))


def _internal_kv_del(
    key: Text, *, del_by_prefix: bool = False, namespace: Text | None = None
) -> int:
    """Removes a key, or all that begin with it, and returns how many those were."""
    found = _bytes("key", key)
    return queries.kv_delete(found, prefix=del_by_prefix, namespace=_name(namespace))


def _internal_kv_list(prefix: Text, *, namespace: Text | None = None) -> list[bytes]:
    """Returns all keys that begin so, in order."""
    return queries.kv_keys(_bytes("prefix", prefix), namespace=_name(namespace))


def _name(namespace: Text | None) -> str:
    # Whatever the bytes are, each namespace has a name of its own.
    return "" if namespace is None else _bytes("namespace", namespace).decode("latin-1")


def _bytes(what: str, given: object) -> bytes:
    """What was given, as bytes; this is the first thing that each call looks at.

    Raises:
        RuntimeError: There is no session.
        TypeError: It is neither a string nor bytes.
    """
    if not _internal_kv_initialized():
        message = "there is no table without a session; call aktis.init() first"
        raise RuntimeError(message)
    if isinstance(given, str):
        return given.encode()
    if not isinstance(given, bytes):
        message = f"{what} must be a string or bytes, not {given!r}"
        raise TypeError(message)
    return given
