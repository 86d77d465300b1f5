"""Start a server from the options of a command, with a message if a package is not installed."""

from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import ConfigError
from .addresses import addresses
from .costs import FEE


def start(
    store: Path,
    host: str = "127.0.0.1",
    port: int = 8765,
    token: str | None = None,
    webhooks: Sequence[str] = (),
    fee: float = FEE,
    spread: float | None = None,
    *,
    tell: Callable[[str], None],
    until: Callable[[], object] | None = None,
) -> None:
    """As `server.serve`, of addresses of webhooks; without any those of OSTINATO_WEBHOOK. Blocks.

    Raises:
        ConfigError: a package is not installed, an address is none, or fee or spread is out of range.
        ListenError: one may not, or cannot, listen there.
        StoreError: there is no store, or it is another version's.
    """
    try:
        from .server import DashboardOptions, serve
        from .webhook import Webhook, secret
    except ImportError as error:
        package = (error.name or "starlette").partition(".")[0]
        raise ConfigError(
            f"the dashboard needs the package {package}: pip install 'ostinato[live]'."
        ) from None
    hooks = tuple(Webhook(url, secret()) for url in addresses(webhooks))
    serve(DashboardOptions(store, host, port, token, hooks, fee, spread), tell=tell, until=until)
