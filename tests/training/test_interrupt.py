"""Ctrl-C keeps what is best so far, and a second one ends at once."""

import os
import signal
import threading
import time

import pytest

from ostinato.runs.folder import RunFolder
from ostinato.runs.reading import read_lines
from ostinato.runs.tensors import read_tensors
from ostinato.training.interrupt import stop_on_request
from training.problem import make_net, make_trainer, weights_of
from training.test_resume import PATIENCE_SECONDS, written


def wait_until(happened):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.001)


def interrupted(children, variant, folder, happened):
    """Press Ctrl-C as soon as something has happened in the folder; how the process ended."""
    number = children.start(variant, folder)
    wait_until(happened)
    os.kill(number, signal.SIGINT)
    return children.wait()


def best_in_checkpoint(run):
    tensors, _ = read_tensors(run.checkpoint)
    return {name[5:]: value.tolist() for name, value in tensors.items() if name.startswith("best/")}


def weights_in(run):
    return {name: value.tolist() for name, value in read_tensors(run.weights)[0].items()}


@pytest.mark.parametrize("variant", ["streams", "windows"])
def test_interrupting_keeps_the_best_and_resuming_is_exact(children, tmp_path, variant):
    whole, part = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "part")
    whole.path.mkdir()
    part.path.mkdir()
    children.train(variant, whole.path)
    assert interrupted(children, variant, part.path, lambda: len(read_lines(part.log)) >= 1) == 3
    assert weights_in(part) == best_in_checkpoint(part)
    assert len(read_lines(part.log)) < len(read_lines(whole.log))  # or there was nothing to interrupt
    children.train(variant, part.path)
    assert written(part.path) == written(whole.path)


def test_before_the_first_evaluation_the_present_weights_are_kept(children, tmp_path):
    run = RunFolder(tmp_path)
    assert interrupted(children, "streams", tmp_path, run.checkpoint.exists) == 3
    tensors, _ = read_tensors(run.checkpoint)
    now = {name[6:]: value.tolist() for name, value in tensors.items() if name.startswith("model/")}
    if read_lines(run.log):  # it was too quick for us
        pytest.skip("the first epoch was over before the signal came")
    assert weights_in(run) == now != best_in_checkpoint(run)


def test_a_second_interrupt_ends_at_once(children, tmp_path):
    run = RunFolder(tmp_path)
    number = children.start("slow", tmp_path)
    wait_until(run.checkpoint.exists)
    time.sleep(0.3)  # the epoch takes a tenth of that, the validation half a minute
    began = time.monotonic()
    os.kill(number, signal.SIGINT)
    time.sleep(0.3)
    os.kill(number, 0)  # the first only asks
    os.kill(number, signal.SIGINT)
    assert children.wait() == 130
    assert time.monotonic() - began < 10


def test_ctrl_c_does_what_it_did_before_and_after():
    former = signal.getsignal(signal.SIGINT)
    with stop_on_request() as request:
        assert not request.made
        signal.raise_signal(signal.SIGINT)
        assert request.made
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is former


def test_training_in_a_thread_leaves_signals_alone():
    former, ends = signal.getsignal(signal.SIGINT), []
    thread = threading.Thread(target=lambda: ends.append(make_trainer().run().stopped))
    thread.start()
    thread.join()
    assert ends == ["epochs"]
    assert signal.getsignal(signal.SIGINT) is former


def test_an_interrupted_trainer_holds_the_best_weights_in_memory():
    net, losses = make_net(), iter([1.0, 2.0, 3.0])
    kept = []

    def validate(layer):
        kept.append(weights_of(layer))
        return next(losses)

    trainer = make_trainer(net=net, validate=validate)
    ask_in_epoch = 2

    def update(progress, rows):
        trainer.request.made = progress.epoch == ask_in_epoch

    trainer.watcher.update = update
    finished = trainer.run()
    assert (finished.stopped, finished.best_epoch, finished.epochs) == ("interrupted", 0, 2)
    assert weights_of(net).equal(kept[0])
    assert not net.training
