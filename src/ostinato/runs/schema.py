"""Validate JSON by a pydantic model; errors become one clear message."""

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from ..errors import BrokenRunError, shortened

STRICT = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, validate_default=True)

Line = Annotated[str, StringConstraints(max_length=2000)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Model = TypeVar("Model", bound=BaseModel)


def validated(model: type[Model], value: Any, where: str) -> Model:
    """The value as a model.

    Args:
        where: what to call the value in an error.

    Raises:
        BrokenRunError: it is of a newer format, or does not fit, naming the first field that does not and its value.
    """
    version = value.get("format_version") if isinstance(value, dict) else None
    known = model.model_fields.get("format_version")
    newest = known.default if known is not None else None
    if type(version) is int and type(newest) is int and version > newest:
        raise BrokenRunError(
            f"{where} was written by a newer ostinato (format {shortened(version)}, this one reads up to "
            f"{newest}). Upgrade ostinato."
        )
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise BrokenRunError(f"{where}: {_sentence(**first)}") from None


def _sentence(type: str, loc: tuple[int | str, ...], msg: str, input: Any, **_: Any) -> str:
    field = ".".join(str(part) for part in loc)
    field = field if field.isprintable() and len(field) < 80 else shortened(field)
    if type == "extra_forbidden":
        return f"the field {field} = {shortened(input)} is unknown to this version."
    if type == "missing":
        return f"the field {field} is missing."
    about = f"the field {field}" if field else "the whole"
    reason = msg.removeprefix("Value error, ")
    return f"{about} cannot be {shortened(input)}: {reason[0].lower()}{reason[1:]}."
