"""Generators of our own: the numbers of torch's global one, which stays where it is; in threads too."""

import threading

import pytest
import torch
import torch.nn.functional as F
from torch import distributions, nn

from ostinato.core import Generators, drawing_from

X = torch.full((4, 6, 8), 0.4)
DRAWS = {
    "dropout": lambda: F.dropout(X, 0.5),
    "dropout of channels": lambda: F.dropout1d(X, 0.5),
    "alpha dropout": lambda: F.alpha_dropout(X, 0.2, training=True),
    "rand": lambda: torch.rand(3),
    "randn": lambda: torch.randn(3, dtype=torch.float64),
    "rand_like": lambda: torch.rand_like(X),
    "randn_like": lambda: torch.randn_like(X),
    "randint": lambda: torch.randint(0, 5, (3,)),
    "randint_like": lambda: torch.randint_like(X, 2, 5),
    "randperm": lambda: torch.randperm(9),
    "normal": lambda: torch.normal(X, 1.0),
    "bernoulli": lambda: torch.bernoulli(X),
    "multinomial": lambda: torch.multinomial(torch.ones(5), 2),
    "uniform_": lambda: torch.empty(5).uniform_(1, 2),
    "exponential_": lambda: torch.empty(5).exponential_(),
    "gumbel_softmax": lambda: F.gumbel_softmax(X),
    "rrelu": lambda: F.rrelu(-X, training=True),
    "linear": lambda: nn.Linear(3, 4).weight,
    "orthogonal": lambda: nn.init.orthogonal_(torch.empty(5, 5)),
    "truncated": lambda: nn.init.trunc_normal_(torch.empty(9)),
    "a module of Python": lambda: nn.Sequential(nn.Linear(8, 5), nn.Dropout(0.3))(X),
    "lstm": lambda: nn.LSTM(8, 4, 2, dropout=0.5)(X)[0],
    "transformer": lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)(X),
    "attention": lambda: F.scaled_dot_product_attention(X, X, X, dropout_p=0.5),
    "gamma": lambda: distributions.Gamma(torch.ones(3), 1.0).sample(),
    "dirichlet": lambda: distributions.Dirichlet(torch.ones(3)).sample(),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_the_numbers_of_the_global_generator_which_stays(draw):
    torch.manual_seed(5)
    expected = [draw(), draw()]
    assert not torch.equal(*expected)
    before = torch.manual_seed(6).get_state()
    with drawing_from(Generators(5)):
        found = [draw(), draw()]
    assert all(map(torch.equal, found, expected))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_generator_that_was_named_is_the_one_that_is_asked():
    expected = torch.rand(3, generator=torch.Generator().manual_seed(1))
    with drawing_from(Generators(5)):
        assert torch.equal(torch.rand(3, generator=torch.Generator().manual_seed(1)), expected)
        with torch.device("meta"):
            assert nn.Linear(3, 4).weight.is_meta


def test_gradients_of_a_dropout_are_those_of_its_mask():
    x = torch.ones(50, requires_grad=True)
    with drawing_from(Generators(5)):
        y = F.dropout(x, 0.5)
        other = torch.ops.aten.native_dropout(x, 0.5, True)  # what a GPU runs
    (slope,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(slope, y.detach())
    (slope,) = torch.autograd.grad(other[0].sum(), x)
    assert torch.equal(slope, other[0].detach())
    assert set(other[0].tolist()) == {0.0, 2.0}


def test_states_go_on():
    generators = Generators(3)
    with drawing_from(generators):
        torch.rand(5)
        states, expected = generators.states(), torch.rand(5)
    again = Generators(9)
    again.restore(states)
    with drawing_from(again):
        assert torch.equal(torch.rand(5), expected)


def test_threads_do_not_meet():
    """Draws that take turns, forced by a barrier, come from streams of their own."""
    barrier, found = threading.Barrier(3), {}

    def draw(seed: int) -> None:
        with drawing_from(Generators(seed)):
            numbers = []
            for _ in range(20):
                barrier.wait(timeout=60)
                numbers.append(F.dropout(torch.ones(40), 0.5))
            found[seed] = torch.cat(numbers)

    threads = [threading.Thread(target=draw, args=(seed,)) for seed in range(3)]
    before = torch.get_rng_state()
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert torch.equal(torch.get_rng_state(), before)
    for seed, numbers in found.items():
        torch.manual_seed(seed)
        assert torch.equal(numbers, torch.cat([F.dropout(torch.ones(40), 0.5) for _ in range(20)]))
