"""What a trace refuses, and in which words; nothing has changed then."""

from __future__ import annotations

import threading

import chainrule as cr
import pytest
from trace_cases import data, model, trainer_of


def test_optimizers_that_make_no_updates_from_gradients_are_refused(backend):
    X, y = data()
    for optimizer in (cr.LevenbergMarquardt(), cr.LBFGS()):
        trainer = trainer_of(optimizer=optimizer, batch_size="full")
        with pytest.raises(
            TypeError, match=rf"^{type(optimizer).__name__} minimises .* a trace needs another optimizer"
        ):
            trainer.trace()
        with pytest.raises(TypeError, match="a trace needs another optimizer"):
            model().explain(X, y, optimizer=optimizer)
    trainer = trainer_of(batch_size="full")
    with trainer.trace():
        trainer.optimizer = cr.LevenbergMarquardt()
        with pytest.raises(TypeError, match="a trace needs another optimizer"):
            trainer.fit(X, y)
    assert trainer.step == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"steps": "some"}, "steps must be an int, a range or list of ints, or 'all', but it is 'some'"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"steps": []}, "steps must have at least 1 entry"),
        ({"steps": [0, -1]}, r"steps\[1\] must be at least 0"),
        ({"rows": []}, "rows must have at least 1 entry"),
        ({"rows": [1, -2]}, r"rows\[1\] must be at least 0"),
    ],
)
def test_arguments_of_a_trace_are_checked(arguments, words):
    with pytest.raises(ValueError, match=words):
        trainer_of().trace(**arguments)


def test_a_trainer_has_one_trace_at_a_time(backend):
    trainer = trainer_of()
    with trainer.trace() as trace:
        with pytest.raises(RuntimeError, match="traced already"), trainer.trace():
            pass
        trainer.train_on_batch(*data())
    assert len(trace.steps) == 1
    with trainer.trace() as again:
        trainer.train_on_batch(*data())
    assert len(again.steps) == 1


def test_a_step_that_fails_is_not_traced(backend):
    X, y = data()
    trainer = trainer_of(optimizer=cr.SGD(1e308))
    with trainer.trace(steps="all") as trace, pytest.raises(FloatingPointError, match="not finite"):
        trainer.fit(X, y, epochs=5)
    assert len(trace.steps) == trainer.step


def test_training_through_the_step_is_refused_and_says_why(backend):
    X, y = data()
    with pytest.raises(ValueError, match="the derivative of step is zero"):
        model("step").explain(X, y)


def test_two_threads_may_trace_two_trainers(backend):
    X, y = data()
    trainers = [trainer_of(optimizer=cr.SGD(0.01 * (i + 1))) for i in range(2)]
    traces = [None, None]

    def work(i):
        with cr.backend(backend), trainers[i].trace(steps="all") as trace:
            trainers[i].fit(X, y, epochs=4)
        traces[i] = trace

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, trace in enumerate(traces):
        assert len(trace.steps) == 12
        assert {step.learning_rate for step in trace.steps} == {0.01 * (i + 1)}
