"""Counts what an editor showed and what was accepted of it, each suggestion once."""

from __future__ import annotations

from collections import OrderedDict

from codling.complete.acceptance import Acceptance
from codling.serve.lsp.ghosts import MAX_OFFERS, Offer

__all__ = ["Tally"]


class Tally:
    """Used on the event loop; only load and flush touch the disk."""

    def __init__(self) -> None:
        self.client = "lsp"
        "Name of the editor."
        self.threshold: float | None = None
        "As the user set it; None before it is loaded, and for none."
        self._counts = Acceptance()
        self._shown: OrderedDict[int, bool] = OrderedDict()  # by id, whether it was accepted

    def load(self) -> None:
        self.threshold = self._counts.threshold

    def shown(self, offer: Offer) -> None:
        if offer.id in self._shown:
            return
        self._shown[offer.id] = False
        if len(self._shown) > MAX_OFFERS:
            self._shown.popitem(last=False)
        self._counts.note(self.client, offer.language, offer.score, shown=1, origin=offer.origin)

    def accepted(self, offer: Offer, units: int | None) -> Offer:
        """Count a suggestion that was taken, or the beginning of it, and say what is left.

        Args:
            units: UTF-16 units that were taken; None for all.
        """
        self.shown(offer)
        data = offer.text.encode("utf-16-le", "surrogatepass")
        chars = len(offer.text if units is None else data[: 2 * units].decode("utf-16-le", "ignore"))
        if chars:
            first = int(not self._shown[offer.id])
            self._shown[offer.id] = True
            self._counts.note(
                self.client, offer.language, offer.score, accepted=first, chars=chars, origin=offer.origin
            )
        return offer.rest(chars)

    @property
    def is_due(self) -> bool:
        """There is something that has not been written for a while."""
        return self._counts.is_due

    def flush(self) -> None:
        self._counts.flush()
