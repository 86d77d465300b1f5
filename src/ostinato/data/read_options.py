"""Options for reading a source, and the layout of an earlier one."""

from typing import NamedTuple

from .layout import Layout

PRICES = ("direction", "return")  # targets that are made from prices


class ReadOptions(NamedTuple):
    """The arguments of ``read_panel``."""

    target: str
    bars: str
    id: str
    known: tuple[str, ...]
    covariates: tuple[str, ...]
    columns: dict[str, str]
    unit: str | None
    zone: str | None
    holidays: str
    layout: Layout | None = None

    @property
    def is_column(self) -> bool:
        """Whether the target is a column rather than the direction or return of a price."""
        return self.target not in PRICES

    @property
    def named(self) -> set[str]:
        """Columns with a use other than the time."""
        targets = (
            {self.target, *(name.strip() for name in self.target.split(","))} if self.is_column else set()
        )
        return {*self.known, *self.covariates, self.id, *targets}
