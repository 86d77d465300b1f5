"""Hyperparameters of training. Defaults were chosen on validation data."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=2**31)]


class TrainingConfig(BaseModel):
    """How a network is trained.

    Streams and windows:
        sampler: "streams" cuts the rows into contiguous streams and carries the state along them, so each step is
            seen once per epoch; "windows" draws overlapping windows in random order.
        streams: streams side by side, the batch size of "streams"; from 1 to the number of rows.
        update_every: k1 of BPTT(k1, k2), steps between two updates; None is the whole stream: full
            back-propagation through time.
        gradient_steps: k2, steps that the gradient goes back; None means k1. A multiple of k1, which needs
            carry_state, or less than k1: then only the last k2 of every k1 steps are learnt from.
        carry_state: stateful (the state goes on from slice to slice) or stateless (each slice begins anew).
        jitter: cut elsewhere in each epoch.
        window: steps of a window, None for what the model sees; windows: the batch size of "windows".

    Optimisation:
        optimizer, optimizer_options: any class of ``torch.optim`` and its further arguments.
        schedule, schedule_options: any class of ``torch.optim.lr_scheduler``, or "none"; ``total_steps``,
            ``T_max`` and the like are filled in when they are not given. schedule_every: "update" or "epoch".
        clip_norm, clip_value: bounds of the gradient's norm and of its elements; None for no bound.

    Regularisation (dropout belongs to the model):
        weight_decay: of the optimizer, None for its own default (AdamW: 0.01).
        l1, l2: explicit penalties on weights, not on biases.
        input_noise: standard deviation of noise on scaled features.

    Stopping:
        epochs, patience (evaluations without a better validation loss; None never stops early), max_seconds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    sampler: Literal["streams", "windows"] = "streams"
    streams: Count = 16
    update_every: Count | None = 64
    gradient_steps: Count | None = None
    carry_state: bool = True
    jitter: bool = True
    window: Count | None = None
    windows: Count = 256

    optimizer: str = "AdamW"
    optimizer_options: dict[str, JsonValue] = {}
    learning_rate: Positive = 3e-3
    schedule: str = "OneCycleLR"
    schedule_options: dict[str, JsonValue] = {}
    schedule_every: Literal["update", "epoch"] = "update"
    clip_norm: Positive | None = 1.0
    clip_value: Positive | None = None

    weight_decay: NotNegative | None = None
    l1: NotNegative = 0.0
    l2: NotNegative = 0.0
    input_noise: NotNegative = 0.0

    epochs: Count = 20
    patience: Count | None = 5
    max_seconds: Positive | None = None
    checkpoint_seconds: NotNegative = 30.0
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0

    @model_validator(mode="after")
    def _gradients_fit_updates(self) -> "TrainingConfig":
        every, back = self.update_every, self.gradient_steps
        if back is None:
            return self
        if every is None:
            raise ValueError("gradient_steps needs update_every: full back-propagation goes back all the way")
        if back > every and back % every:
            raise ValueError(
                f"gradient_steps must be a multiple of update_every {every} or less than it, got {back}"
            )
        if back > every and not self.carry_state:
            raise ValueError(
                f"gradient_steps {back} goes back beyond update_every {every}, which needs carry_state"
            )
        return self
