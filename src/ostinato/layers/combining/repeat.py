"""The same layer several times in a row."""

from ...core import SequenceLayer, class_name, require_layers
from ...errors import ConfigError
from ..sizes import at_least_one
from .chain import Chain


class Repeat(Chain):
    """y = f(f(... f(x))): one layer ``times`` times one after the other, with one set of weights.

    Each time has a state of its own. For layers with weights of their own, make as many and chain them:
    ``Chain(*(Conv1d(8, 8, 3) for _ in range(4)))``.

    Args:
        layer: gives as many features as it takes.
        times: how often it is applied.

    Shape:
        x (B, T, I), y (B, T', I). The state is a tuple of ``times`` states.

    Raises:
        ConfigError: it gives other features than it takes, or times is below 1.

    Source:
        Weights shared over depth: Dehghani et al. 2018, Universal Transformers, arXiv:1807.03819, section 2.

    >>> from ostinato.layers import Conv1d
    >>> repeat = Repeat(Conv1d(8, 8, 3), 4)
    >>> repeat.receptive_field, len(list(repeat.parameters()))
    (9, 2)
    """

    layer: SequenceLayer
    times = 1

    def __init__(self, layer: SequenceLayer, times: int) -> None:
        require_layers("a repeat", layer)
        at_least_one(times=times)
        if None not in (layer.input_size, layer.output_size) and layer.input_size != layer.output_size:
            raise ConfigError(
                f"{class_name(layer)} takes {layer.input_size} features and gives {layer.output_size}, so it cannot "
                f"be repeated. Make them equal, or chain it with a Dense({layer.output_size}, {layer.input_size})."
            )
        super().__init__(layer=layer)
        self.times = self.parts = times
        self._set_up()

    @property
    def layers(self) -> list[SequenceLayer]:
        """The layer, ``times`` times."""
        return [self.layer] * self.times
