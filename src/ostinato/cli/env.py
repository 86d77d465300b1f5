"""ostinato env: versions, devices and backends."""

import typer

from . import options as opt


def env(json: opt.AsJson = False) -> None:
    """Show which versions, devices and backends are in use, and why."""
    import json as json_module
    import platform
    from importlib.metadata import version

    import torch

    from .. import __version__
    from ..ops import backends

    libraries = ("torch", "numpy", "scipy", "polars", "narwhals", "safetensors", "pydantic", "typer", "rich")
    facts = {
        "ostinato": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        **{name: version(name) for name in libraries},
        "threads": str(torch.get_num_threads()),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
    }
    chosen = [vars(backend) for backend in backends()]
    if json:
        typer.echo(json_module.dumps(facts | {"backends": chosen}, indent=2))
        return
    for name, value in facts.items():
        typer.echo(f"{name:12} {value}")
    for backend in backends():
        refused = "; ".join(f"not {name}: {why}" for name, why in backend.refused.items())
        typer.echo(f"{backend.op:12} {backend.backend}" + (f" ({refused})" if refused else ""))
        for name, reasons in backend.refusals.items():
            for why, count in reasons.items():
                typer.echo(f"{'':12} {name} refused {count:,} calls: {why}")
