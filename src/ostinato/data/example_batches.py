"""What batches of examples share, whole ones or crops: sizes that are the same in every epoch.

Axes: E examples.
"""

from torch import Tensor

from .examples import Examples


class ExampleBatches:
    """Batches of examples, none of which goes on where the one before it ended. Subclasses set both attributes.

    Attributes:
        examples: what is batched.
    """

    carries = False
    examples: Examples
    _sizes: list[int]  # examples of each batch

    def __len__(self) -> int:
        """Batches per epoch."""
        return len(self._sizes)

    @property
    def weight(self) -> Tensor:
        """Of all labels."""
        return self.examples.weight

    def count(self, number: int) -> int:
        """Batches of one epoch: the same in all."""
        return len(self)


def share_out(count: int, most: int) -> list[int]:
    """Sizes, ``most`` at most, that add up to ``count`` and differ by 1 at most: a rest would be a small batch.

    >>> share_out(33, 32)
    [17, 16]
    """
    batches = -(-count // most)
    short, longer = divmod(count, batches)
    return [short + (index < longer) for index in range(batches)]
