"""Ctrl-C within one descent of the core: heard before its end, with no number changed and no memory shared."""

import ctypes
import math
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from rdptheory import InteriorPoint, Pmf, SquaredError, TotalVariation, Wasserstein1, _native, rdp
from rdptheory._native import BOX, CALLED, FIXED, BallSpec, Question, library, stop

N = 6
LOOK = 2.0
"""Seconds that each look at φ takes in the child, one for every step."""


def question(phi=None):
    rng = np.random.default_rng(3)
    p, d = rng.dirichlet(np.ones(N)), rng.uniform(0.1, 1.0, (1, N, N)) * (1.0 - np.eye(N))
    kind, P = (BOX, 0.02) if phi is None else (CALLED, 1e-8)  # of many steps
    return Question(p, d, np.array([0.2]), None, (BallSpec(kind, p, P, N, phi=phi),), p, 1e-3)


def bits(found):
    return [array.tobytes() for array in (found.f, found.s, found.channel, found.state)], found.steps, found.sentence


class Divergence:
    """χ²/2, that does something each time the core asks for it."""

    def __init__(self, each=lambda _calls: None):
        self.each, self.calls = each, 0

    def __call__(self, t):
        self.calls += 1
        self.each(self.calls)
        return 0.5 * (t - 1.0) ** 2, t - 1.0, np.ones_like(t)


@pytest.fixture
def long(monkeypatch):
    """Every descent is one that may take long."""
    monkeypatch.setattr(library, "LONG", 0.0)


def calls_of_the_whole():
    whole = Divergence()
    assert _native.solve(question(whole), 1e-9, 60).sentence == ""
    return whole.calls


@pytest.mark.usefixtures("long")
def test_it_is_heard_within_the_step():
    whole, heard = calls_of_the_whole(), threading.Event()
    assert whole >= 10

    def press(calls):
        if calls == 3:
            os.kill(os.getpid(), signal.SIGINT)
        if calls > 3:
            assert heard.wait(10.0)
            time.sleep(0.01)  # the step goes on once the exception is on its way

    before = signal.signal(signal.SIGINT, lambda *_: (heard.set(), signal.default_int_handler(signal.SIGINT, None)))
    interrupted = Divergence(press)
    try:
        with pytest.raises(KeyboardInterrupt):
            _native.solve(question(interrupted), 1e-9, 60)
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard.is_set()
    assert interrupted.calls < whole
    ended = interrupted.calls
    assert bits(_native.solve(question(), 1e-9, 60)) == bits(_native.solve(question(), 1e-9, 60))
    assert interrupted.calls == ended  # nothing runs on behind the exception


CHILD = """
import sys, time
from tests.native import test_stop as t

def each(calls):
    print(calls, flush=True)
    time.sleep(t.LOOK)

t.library.LONG = 0.0
t._native.solve(t.question(t.Divergence(each)), 1e-9, 60)
print("the end")
"""


def test_a_child_that_is_sent_sigint_ends_long_before_its_search_would():
    """Each step takes two seconds."""
    whole = calls_of_the_whole()
    child = subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "1\n"
    begun = time.monotonic()
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=2.0 * LOOK * whole)
    assert time.monotonic() - begun < 0.5 * LOOK * whole
    assert "the end" not in out
    assert err.strip().splitlines()[-1] == "KeyboardInterrupt"


def fails(_):
    raise ZeroDivisionError("mine")


def presses(_):
    os.kill(os.getpid(), signal.SIGINT)


def here(call, *given):
    """In the main thread, which hears Ctrl-C within a moment."""
    call(*given)
    time.sleep(1.0)


def elsewhere(call, *given):
    """In a thread for which the main one waits."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(call, *given).result()


@pytest.mark.parametrize("where", [here, elsewhere])
@pytest.mark.parametrize(
    ("each", "heard"), [(presses, KeyboardInterrupt), (fails, ZeroDivisionError)], ids=["Ctrl-C", "mistake"]
)
def test_what_phi_raises_in_a_short_descent_is_heard(each, heard, where):
    """ctypes prints what a function raises that C calls, and goes on with what was in the array before."""
    asked = Divergence(lambda calls: each(calls) if calls == 3 else None)
    with pytest.raises(heard):
        where(_native.solve, question(asked), 1e-9, 60)
    assert each is presses or asked.calls == 3


def test_it_may_come_as_the_call_ends():
    """The lock that says so was then waited for twice."""

    def hangs(*_):
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, hangs)
    signal.alarm(10)
    try:
        for _ in range(30):
            with pytest.raises(KeyboardInterrupt):
                here(stop.stoppable, presses)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def test_a_phi_of_another_shape_is_refused():
    """It was read as what the arrays held before."""
    with pytest.raises(ValueError, match="broadcast"):
        _native.solve(question(lambda t: (t[:-1], t, t)), 1e-9, 60)


@pytest.mark.usefixtures("long")
def test_a_handler_may_ask_meanwhile():
    """What a signal makes the main thread do has memory of its own."""
    alone, other = (bits(_native.solve(question(phi), 1e-9, 60)) for phi in (Divergence(), None))
    found, asked = [], threading.Event()

    def ask(*_):
        found.append(bits(_native.solve(question(), 1e-9, 60)))
        asked.set()

    def each(calls):
        if calls == 3:
            os.kill(os.getpid(), signal.SIGINT)
            assert asked.wait(10.0)

    before = signal.signal(signal.SIGINT, ask)
    try:
        assert bits(_native.solve(question(Divergence(each)), 1e-9, 60)) == alone
    finally:
        signal.signal(signal.SIGINT, before)
    assert found == [other]


@pytest.mark.parametrize("ball", [None, TotalVariation(), Wasserstein1()], ids=str)
@pytest.mark.parametrize("P", [0.0, 0.005, 0.05])
def test_the_numbers_are_the_same(monkeypatch, ball, P):
    rng = np.random.default_rng(8)
    law = Pmf.from_weights(rng.dirichlet(np.ones(40)), np.linspace(0.0, 1.0, 40))

    def numbers():
        found = rdp(law, SquaredError(), ball, D=0.01, P=math.inf if ball is None else P, method=InteriorPoint())
        return found.bounds, found.steps, found.candidate.channel.tobytes()

    usual = numbers()
    monkeypatch.setattr(library, "LONG", 0.0)
    assert numbers() == usual
    with ThreadPoolExecutor(1) as pool:  # a thread that hears no signals
        assert pool.submit(numbers).result() == usual

    def none_left(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(stop, "start_new_thread", none_left)
    assert numbers() == usual


@pytest.mark.usefixtures("long")
@pytest.mark.parametrize(("kind", "near"), [(BOX, False), (BOX, True), (FIXED, False)], ids=["box", "near", "law"])
def test_a_flag_that_is_set_allows_no_step(monkeypatch, kind, near):
    flag = ctypes.c_int64(1)
    monkeypatch.setattr(library, "stoppable", lambda call, _lent: call(ctypes.addressof(flag)))
    asked = question()
    asked = replace(asked, balls=(replace(asked.balls[0], kind=kind),), near=near)
    found = _native.solve(asked, 1e-9, 60)
    assert (found.steps, found.sentence) == (0, "it was stopped")


@pytest.mark.usefixtures("long")
def test_what_goes_wrong_there_is_raised_here(monkeypatch):
    def broken(*_):
        raise MemoryError("no room")

    monkeypatch.setattr(library, "library", lambda: library_with(broken))
    with pytest.raises(MemoryError, match="no room"):
        _native.solve(question(), 1e-9, 60)


def library_with(descend):
    core = library._loaded(library.Path(library.__file__).with_name("core.so"))
    core.rdp_descend = descend
    return core
