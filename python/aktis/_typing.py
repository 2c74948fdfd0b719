"""What type checkers see of calls: each argument may be a value or a ref to one.

Owns the types of `.remote` for functions, methods and decorated classes. Exists for type checkers:
while a program runs these are empty classes, and nothing here is looked at.
"""

from __future__ import annotations

from types import GenericAlias
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Generic,
    ParamSpec,
    Protocol,
    TypeAlias,
    TypeVar,
    final,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Concatenate, overload

    from aktis.actor_handles import ActorHandle
    from aktis.actors import ActorClass
    from aktis.dag.class_node import ClassNode
    from aktis.types import ObjectRef

T = TypeVar("T")
P = ParamSpec("P")
S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)
Self_contra = TypeVar("Self_contra", contravariant=True)
A0 = TypeVar("A0")
A1 = TypeVar("A1")
A2 = TypeVar("A2")
A3 = TypeVar("A3")
A4 = TypeVar("A4")
A5 = TypeVar("A5")
A6 = TypeVar("A6")
A7 = TypeVar("A7")
A8 = TypeVar("A8")
A9 = TypeVar("A9")

# An instance of `T` whose methods, if decorated with `@aktis.method`, have `.remote` too. What runs
# is an `ActorHandle`; annotate with this where a checker should know methods and their arguments.
ActorProxy: TypeAlias = Annotated[T, "a handle of an actor of this class"]


@final
class OnlyAny:
    """Nothing is of this type, so a function that "returns" it returns `Any` or never."""


if TYPE_CHECKING:

    class Target(Protocol[S_co]):
        """What is called in the end, for its parameters."""

        @property
        def _target(self) -> S_co: ...

    class Remote(Generic[P, S_co]):
        """Has `.remote`, which takes what its target takes, or refs to that, and gives `S_co`."""

        @property
        def _target(self) -> Callable[P, S_co]: ...

        @overload
        def remote(self, *args: P.args, **kwargs: P.kwargs) -> S_co: ...
        @overload
        def remote(
            self: Target[Callable[[A0], S]],
            a0: A0 | ObjectRef[A0],
            /,
            **named: ObjectRef[Any],
        ) -> S: ...
        @overload
        def remote(
            self: Target[Callable[[A0, A1], S]],
            a0: A0 | ObjectRef[A0],
            a1: A1 | ObjectRef[A1],
            /,
            **named: ObjectRef[Any],
        ) -> S: ...
        @overload
        def remote(
            self: Target[Callable[[A0, A1, A2], S]],
            a0: A0 | ObjectRef[A0],
            a1: A1 | ObjectRef[A1],
            a2: A2 | ObjectRef[A2],
            /,
            **named: ObjectRef[Any],
        ) -> S: ...
        @overload
        def remote(
            self: Target[Callable[[A0, A1, A2, A3], S]],
            a0: A0 | ObjectRef[A0],
            a1: A1 | ObjectRef[A1],
            a2: A2 | ObjectRef[A2],
            a3: A3 | ObjectRef[A3],
            /,
            **named: ObjectRef[Any],
        ) -> S: ...
        @overload
        def remote(
            self: Target[Callable[[A0, A1, A2, A3, A4], S]],
            a0: A0 | ObjectRef[A0],
            a1: A1 | ObjectRef[A1],
            a2: A2 | ObjectRef[A2],
            a3: A3 | ObjectRef[A3],
            a4: A4 | ObjectRef[A4],
            /,
            **named: ObjectRef[Any],
        ) -> S: ...
        @overload
        def remote(
            self: Target[Callable[[A0, A1, A2, A3, A4, A5], S]],
            a0: A0 | ObjectRef[A0],
            a1: A1 | ObjectRef[A1],
            a2: A2 | ObjectRef[A2],
            a3: A3 | ObjectRef[A3],
            a4: A4 | ObjectRef[A4],
            a5: A5 | ObjectRef[A5],
            /,
            **named: ObjectRef[Any],
        ) -> S: ...
        @overload
        def remote(
            self: Target[Callable[[A0, A1, A2, A3, A4, A5, A6], S]],
            a0: A0 | ObjectRef[A0],
            a1: A1 | ObjectRef[A1],
            a2: A2 | ObjectRef[A2],
            a3: A3 | ObjectRef[A3],
            a4: A4 | ObjectRef[A4],
            a5: A5 | ObjectRef[A5],
            a6: A6 | ObjectRef[A6],
            /,
            **named: ObjectRef[Any],
        ) -> S: ...
        @overload
        def remote(
            self: Target[Callable[[A0, A1, A2, A3, A4, A5, A6, A7], S]],
            a0: A0 | ObjectRef[A0],
            a1: A1 | ObjectRef[A1],
            a2: A2 | ObjectRef[A2],
            a3: A3 | ObjectRef[A3],
            a4: A4 | ObjectRef[A4],
            a5: A5 | ObjectRef[A5],
            a6: A6 | ObjectRef[A6],
            a7: A7 | ObjectRef[A7],
            /,
            **named: ObjectRef[Any],
        ) -> S: ...
        @overload
        def remote(
            self: Target[Callable[[A0, A1, A2, A3, A4, A5, A6, A7, A8], S]],
            a0: A0 | ObjectRef[A0],
            a1: A1 | ObjectRef[A1],
            a2: A2 | ObjectRef[A2],
            a3: A3 | ObjectRef[A3],
            a4: A4 | ObjectRef[A4],
            a5: A5 | ObjectRef[A5],
            a6: A6 | ObjectRef[A6],
            a7: A7 | ObjectRef[A7],
            a8: A8 | ObjectRef[A8],
            /,
            **named: ObjectRef[Any],
        ) -> S: ...
        @overload
        def remote(
            self: Target[Callable[[A0, A1, A2, A3, A4, A5, A6, A7, A8, A9], S]],
            a0: A0 | ObjectRef[A0],
            a1: A1 | ObjectRef[A1],
            a2: A2 | ObjectRef[A2],
            a3: A3 | ObjectRef[A3],
            a4: A4 | ObjectRef[A4],
            a5: A5 | ObjectRef[A5],
            a6: A6 | ObjectRef[A6],
            a7: A7 | ObjectRef[A7],
            a8: A8 | ObjectRef[A8],
            a9: A9 | ObjectRef[A9],
            /,
            **named: ObjectRef[Any],
        ) -> S: ...
        @overload
        def remote(self, /, **named: ObjectRef[Any]) -> S_co: ...
        def remote(self: Any, *args: Any, **kwargs: Any) -> Any: ...  # type: ignore[misc]

    class BoundMethod(Remote[P, ObjectRef[S_co]], Generic[P, S_co]):
        """A decorated method of an instance: a plain call inside the actor, `.remote` outside."""

        def __call__(self, *args: P.args, **kwargs: P.kwargs) -> S_co: ...

        def options(self, **options: Any) -> Remote[P, Any]: ...

    class DecoratedMethod(Generic[Self_contra, P, S_co]):
        """A method decorated with `@aktis.method`, in its class."""

        @overload
        def __get__(
            self, instance: None, owner: type[Any]
        ) -> Callable[Concatenate[Self_contra, P], S_co]: ...
        @overload
        def __get__(self, instance: Self_contra, owner: type[Any]) -> BoundMethod[P, S_co]: ...
        def __get__(self, instance: Any, owner: type[Any]) -> Any: ...

    class DecoratedClass(type):
        """What `aktis.mypy_plugin` makes the type of a class decorated with `@aktis.remote`."""

        def remote(cls: type[T], *args: Any, **kwargs: Any) -> ActorHandle[T]: ...
        def options(cls: type[T], **options: Any) -> ActorClass[T]: ...
        def bind(cls: type[T], *args: Any, **kwargs: Any) -> ClassNode: ...

else:

    class Remote:
        """Has `.remote`."""

        __slots__ = ()
        __class_getitem__ = classmethod(GenericAlias)
