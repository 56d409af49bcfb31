"""Every refusal a client can get: its code, its HTTP status, a sentence for people, and whether trying again helps.

Refusal
├── Malformed, Unreadable, RequestTimeout, TooLarge, UnsupportedType, Invalid    the request itself
├── Unauthenticated, TokenExpired, Forbidden, OriginRefused, IdentityMismatch         who asks
├── NotFound, NoRoute, NoMethod, UnknownNamespace, UnknownEvent        what is asked for
├── IdempotencyConflict, Duplicate, ConversationClosed, NotEditable, NotSendable    what stands in the way
├── AlreadyConnected, NotConnectable, TooManyChannels, NotConnected,
│   BuiltIn, SignInRefused, NotConfigured                              what a channel lacks
├── OutboxFull, BeingSent, Fenced                                                  who has it just now
├── ResyncRequired                                                     the log no longer reaches back so far
├── MissingRequiredFields, InvalidMessageStructure, EmissionFailed     the old names of the internal routes
└── Busy, OutcomeUnknown, Unavailable, PlatformAway, RateLimited, Draining, Internal    try again (or tell us)
"""

from typing import ClassVar

from app.refusal import Detail as Detail
from app.refusal import Refusal as Refusal


class Malformed(Refusal):
    code, status, sentence = "malformed_json", 400, "The body is not valid JSON."


class Unreadable(Refusal):
    code, status, sentence = "bad_request", 400, "This request could not be read."


class RequestTimeout(Refusal):
    code, status, sentence = "request_timeout", 408, "The request did not come in time."
    retryable = True


class TooLarge(Refusal):
    code, status, sentence = "body_too_large", 413, "The body is larger than 1 MiB."


class UnsupportedType(Refusal):
    code, status, sentence = "unsupported_media_type", 415, "Send the body as application/json, not compressed."


class Invalid(Refusal):
    code, status, sentence = "validation_failed", 422, "Some fields are not right."

    @classmethod
    def of(cls, field: str, message: str) -> "Invalid":
        """Refuse one field, in one sentence."""
        return cls(details=(Detail(field, message),))


class Unauthenticated(Refusal):
    code, status, sentence = "unauthenticated", 401, "Sign in, or send a valid API key."


class TokenExpired(Refusal):
    code, status, sentence = "token_expired", 401, "This token has expired; send a newer one."


class Forbidden(Refusal):
    code, status, sentence = "forbidden", 403, "You may not do this."


class OriginRefused(Refusal):
    code, status = "origin_refused", 403
    sentence = "Pages of this origin may not call this server; its operator lets them in by CORS_ORIGINS."


class IdentityMismatch(Refusal):
    code, status, sentence = "identity_mismatch", 403, "One connection speaks for one person of one company."


class NotFound(Refusal):
    code, status, sentence = "not_found", 404, "There is no such thing here."

    @classmethod
    def of(cls, field: str) -> "NotFound":
        """Name the id that leads nowhere."""
        return cls(f"Not found: {field}.", details=(Detail(field, cls.sentence),))


class NoRoute(Refusal):
    code, status, sentence = "route_not_found", 404, "There is nothing at this address."


class NoMethod(Refusal):
    code, status, sentence = "method_not_allowed", 405, "This address does not take that method."


class UnknownNamespace(Refusal):
    code, status, sentence = "unknown_namespace", 404, "There is no such namespace here."


class UnknownEvent(Refusal):
    code, status, sentence = "unknown_event", 404, "This namespace does not know that event."


class IdempotencyConflict(Refusal):
    code, status, sentence = "idempotency_conflict", 409, "This key was used before, for something else."


class Duplicate(Refusal):
    code, status, sentence = "duplicate", 409, "There is one like this already."


class ConversationClosed(Refusal):
    code, status, sentence = "conversation_closed", 409, "This conversation is closed; reopen it to reply."


class NotEditable(Refusal):
    code, status, sentence = "not_editable", 409, "This message was deleted; it can no longer change."


class NotSendable(Refusal):
    code, status, sentence = "not_sendable", 409, "This message cannot be sent again, or called off, as it stands."


class AlreadyConnected(Refusal):
    code, status, sentence = "already_connected", 409, "This account is connected here already."


class NotConnectable(Refusal):
    code, status, sentence = "not_connectable", 409, "This account cannot be connected here."


class TooManyChannels(Refusal):
    code, status = "too_many_channels", 409
    sentence = "This company has as many channels as one may have; disconnect one first."


class NotConnected(Refusal):
    code, status, sentence = "not_connected", 409, "This channel is disconnected; connect its account again."


class BuiltIn(Refusal):
    code, status = "built_in", 409
    sentence = "The web channel is part of the company; it can be neither paused nor disconnected."


class SignInRefused(Refusal):
    code, status = "sign_in_refused", 409
    sentence = "The platform does not accept this channel's sign-in; give the channel new credentials."


class NotConfigured(Refusal):
    code, status, sentence = "not_configured", 409, "This server is not set up for that."


class OutboxFull(Refusal):
    code, status = "outbox_full", 409
    sentence = "500 replies of this conversation wait to be sent; cancel some, or wait until they are."
    retryable = True


class BeingSent(Refusal):
    code, status, sentence = "being_sent", 409, "This message is on its way just now; its outcome comes in a moment."
    retryable = True


class Fenced(Refusal):
    code, status, sentence = "fenced", 409, "Somebody else has taken this over."


class ResyncRequired(Refusal):
    code, status, sentence = "resync_required", 410, "Load your state anew, then go on from head."

    BECAUSE: ClassVar[dict[str, str]] = {
        "pruned": "The log no longer reaches back so far.",
        "epoch": "The log began a new epoch; this cursor belongs to another one.",
        "future": "The log has not come so far yet; this cursor is not one of its own.",
    }

    @classmethod
    def because(cls, reason: str, *, head: int, epoch: str) -> "ResyncRequired":
        """Refuse a cursor for one of three reasons, each with its sentence."""
        return cls(f"{cls.BECAUSE[reason]} {cls.sentence}", reason=reason, head=head, epoch=epoch)


class MissingRequiredFields(Refusal):
    code, status, sentence = "MISSING_REQUIRED_FIELDS", 400, "companyId, conversationId and message are needed."


class InvalidMessageStructure(Refusal):
    code, status, sentence = "INVALID_MESSAGE_STRUCTURE", 400, "The message needs id, contactId and direction."


class EmissionFailed(Refusal):
    code, status, sentence = "SOCKET_EMISSION_FAILED", 503, "The event could not be announced; try again."
    retryable = True


class RateLimited(Refusal):
    code, status, sentence = "rate_limited", 429, "Too many requests; wait a moment."
    retryable = True


class TooManyGuesses(RateLimited):
    code = "too_many_guesses"
    sentence = "Too many keys or tokens from this address were not valid; wait a moment."


class Busy(Refusal):
    code, status, sentence = "busy", 503, "This company's queue is full; try again in a moment."
    retryable = True


class OutcomeUnknown(Refusal):
    code, status = "outcome_unknown", 503
    sentence = "The outcome is not known yet; try again with the same key."
    retryable = True


class Unavailable(Refusal):
    code, status, sentence = "unavailable", 503, "The database is away; try again in a moment."
    retryable = True


class PlatformAway(Refusal):
    code, status, sentence = "platform_away", 502, "The platform could not be asked; try again in a moment."
    retryable = True


class Draining(Refusal):
    code, status, sentence = "draining", 503, "This server is stopping; connect again."
    retryable = True


class Internal(Refusal):
    retryable = True
