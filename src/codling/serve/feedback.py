"""What clients over HTTP say became of suggestions; the language server counts by itself."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from codling.complete.acceptance import Acceptance
from codling.serve.body import read_message
from codling.serve.desk import Desk
from codling.serve.messages import FeedbackRequest

__all__ = ["FeedbackApi"]


@dataclass(frozen=True, kw_only=True)
class FeedbackApi:
    acceptance: Acceptance
    desk: Desk

    @property
    def routes(self) -> list[Route]:
        return [Route("/api/feedback", self.feedback, methods=["POST"])]

    async def feedback(self, request: Request) -> Response:
        message = await read_message(request, FeedbackRequest)
        self.acceptance.note(
            message.client,
            message.language,
            message.score,
            shown=message.shown,
            accepted=message.accepted,
            chars=message.chars,
            origin=message.origin,
        )
        if self.acceptance.is_due:
            ticket = self.desk.take_ticket()
            try:
                await self.desk.run(lambda _: self.acceptance.flush(), ticket)
            finally:
                self.desk.give_back(ticket)
        return Response(b"{}", media_type="application/json")
