"""Kernels: functions that numba compiles at run time for the processor at hand, without a compiler on the machine.

Importing this takes a second, so only modules that hold kernels import it, and commands import those when they run.
What was compiled is kept in the account's cache folder; a second process loads it in milliseconds. A kernel releases
Python's lock while it runs, so threads share the processor's cores.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numba
from numba.core import codegen, config, event
from numba.extending import intrinsic

CACHE_VARIABLE: Final = "NUMBA_CACHE_DIR"
"""Environment variable that names another folder for compiled kernels. Whoever can write there can run code here."""

_COMPILE: Final = "numba:compile"

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _cache_folder() -> Path:
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(chosen) if chosen else Path.home() / ".cache") / "symbolon" / "kernels"


def _prepare() -> bool:
    """Point numba at the cache folder and at full vector width; returns whether compiled kernels can be kept."""
    settings: Any = config
    untyped: Any = codegen
    features: str = untyped.get_host_cpu_features()
    if "+avx512vpopcntdq" in features:
        settings.CPU_FEATURES = f"{features},-prefer-256-bit"  # an eighth faster on a Sapphire Rapids
    if os.environ.get(CACHE_VARIABLE):
        return True
    try:
        folder = _cache_folder()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except (OSError, RuntimeError):  # RuntimeError: an account without a home folder
        return False
    found = folder.stat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o077 or not os.access(folder, os.W_OK):
        return False  # who else can write there could run code here
    settings.CACHE_DIR = str(folder)
    return True


_KEPT: Final = _prepare()


def kernel(function: _Function) -> _Function:
    """Return the function compiled on first use for each combination of argument types; it holds no Python lock."""
    compiled: Any = numba.njit(nogil=True, cache=_KEPT)(function)
    return cast(_Function, compiled)


def inlined(function: _Function) -> _Function:
    """Return a part of kernels that is compiled into each kernel that calls it."""
    compiled: Any = numba.njit(nogil=True, inline="always")(function)
    return cast(_Function, compiled)


def instruction(generate: Callable[..., Any]) -> Callable[..., Any]:
    """Return what kernels call with an instruction's operands; numba calls `generate` with its context before them.

    `generate` returns the signature and a function that emits LLVM's code, as numba's `intrinsic` asks.
    """
    made: Any = intrinsic(generate)
    return cast(Callable[..., Any], made)


@instruction
def set_bits(_context: Any, word: Any) -> Any:
    """Number of set bits of an integer, as one instruction; for kernels only."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return word(word), generate


@instruction
def trailing_zeros(_context: Any, word: Any) -> Any:
    """Place of the lowest set bit of an integer that is not zero; for kernels only."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], context.get_constant(numba.types.boolean, True))

    return word(word), generate


@contextmanager
def telling_of_compilation(say: Callable[[str], None]) -> Iterator[None]:
    """Within this, `say` gets one sentence when the first kernel has to be compiled; not when all are in the cache."""
    events: Any = event
    listener = _Once(say)
    events.register(_COMPILE, listener)
    try:
        yield
    finally:
        events.unregister(_COMPILE, listener)


class _Once(event.Listener):
    def __init__(self, say: Callable[[str], None]) -> None:
        self._say: Callable[[str], None] | None = say

    def on_start(self, event: object) -> None:
        if self._say is not None:
            self._say("compiling kernels for this processor, once: a few seconds")
            self._say = None

    def on_end(self, event: object) -> None:
        pass
