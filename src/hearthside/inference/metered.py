"""Any backend with what each completion took: joules where the machine tells, and its part of the machine's time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from hearthside.errors import HearthsideError
from hearthside.inference.backend import Backend, Generation, Message, Sampling, Token, Usage
from hearthside.inference.energy.meters import EnergyMeter
from hearthside.inference.energy.sharing import Share, Sharing


@dataclass(slots=True)
class _Settled:
    """What a completion took, once it has ended."""

    usage: Usage | None = None


class _Counted(Generation):
    """A running completion whose last token carries the energy too."""

    def __init__(self, inner: Generation, settled: _Settled, look: Callable[[], None]) -> None:
        super().__init__()
        self._inner, self._settled, self._look = inner, settled, look

    def __next__(self) -> Token:
        token = next(self._inner)
        self._look()
        if token.usage is not None and self._settled.usage is not None:
            return replace(token, usage=self._settled.usage)
        return token

    def wake(self, waker: Callable[[], None]) -> None:
        """See Generation."""
        self._inner.wake(waker)

    @property
    def ready(self) -> bool:
        """Whether the next piece, or the end, can be taken without waiting."""
        return self._inner.ready

    def close(self) -> None:
        """Stop the model at its next token."""
        self._inner.close()

    @property
    def cancelled(self) -> bool:
        """Whether the caller wants no more."""
        return self._inner.cancelled


class Metered:
    """A backend that does what the given one does; see `Backend`.

    Args:
        monotonic_s: seconds that never go back.
    """

    def __init__(self, backend: Backend, meter: EnergyMeter, monotonic_s: Callable[[], float]) -> None:
        self._backend = backend
        self._sharing = Sharing(meter, monotonic_s)

    @property
    def adapters(self) -> tuple[str, ...]:
        """Ids of the loaded adapters."""
        return self._backend.adapters

    def start(self, adapters: Mapping[str, bytes]) -> dict[str, HearthsideError]:
        """Load the model and these adapters."""
        return self._backend.start(adapters)

    def load_adapter(self, adapter: str, gguf: bytes) -> None:
        """Add or replace an adapter."""
        self._backend.load_adapter(adapter, gguf)

    def unload_adapter(self, adapter: str) -> None:
        """Drop an adapter."""
        self._backend.unload_adapter(adapter)

    def generate(
        self,
        messages: Sequence[Message],
        *,
        adapter: str | None,
        sampling: Sampling,
        on_usage: Callable[[Usage], None],
    ) -> Generation:
        """Begin a completion; the usage that it ends with says what it took."""
        share, settled = self._sharing.begin(), _Settled()

        def ended(usage: Usage) -> None:
            settled.usage = self._with_energy(usage, share)
            on_usage(settled.usage)

        try:
            inner = self._backend.generate(messages, adapter=adapter, sampling=sampling, on_usage=ended)
        except BaseException:
            self._sharing.end(share)
            raise
        return _Counted(inner, settled, self._sharing.look)

    def _with_energy(self, usage: Usage, share: Share) -> Usage:
        meter = self._sharing.end(share)
        return replace(usage, joules=share.joules, meter=meter, shared_s=share.seconds)

    def close(self) -> None:
        """Free the model."""
        self._backend.close()
