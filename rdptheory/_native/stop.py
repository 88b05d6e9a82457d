"""Ctrl-C during a long call of the core: Python's main thread alone hears it, so the call is made in another one."""

from __future__ import annotations

import threading
from _thread import start_new_thread
from collections.abc import Callable
from contextvars import copy_context
from ctypes import addressof, c_int64
from typing import TypeVar

__all__ = ["stoppable"]

LOOK = 0.1
"""Seconds after which the main thread looks up where a signal does not wake it, as on Windows."""
Found = TypeVar("Found")


def stoppable(call: Callable[[int], Found], lent: object = ()) -> Found:
    """What `call` returns, of the address of an int64 that is set once an exception is raised here meanwhile.

    The core ends soon after that, and the exception goes on: mostly Ctrl-C. What is `lent` lives as long as the call,
    which a second one does not wait for. Another thread than the main one hears no signals, and makes a plain call.
    """
    stop, ended = c_int64(0), threading.Lock()
    found: list[Found] = []
    raised: list[BaseException] = []

    def run(*_lent: object) -> None:
        try:
            found.append(call(addressof(stop)))
        except BaseException as problem:  # goes on in the main thread
            raised.append(problem)
        finally:
            ended.release()

    if threading.current_thread() is not threading.main_thread():
        return call(addressof(stop))
    ended.acquire()
    begun = None
    try:  # a lock and a bare thread: a handler may come between any two lines and ask a question of its own
        begun = start_new_thread(copy_context().run, (run, lent))
        while not ended.acquire(timeout=LOOK):
            pass
    except BaseException as signalled:
        if begun is None and isinstance(signalled, RuntimeError):  # the system has no thread left
            return call(addressof(stop))
        stop.value = 1
        while begun is not None and not (found or raised):  # the lock may be ours already
            ended.acquire(timeout=LOOK)
        raise
    if raised:
        raise raised.pop()
    return found.pop()
