"""The whole REST API on one screen, under /api/v1."""

from app.handlers import auth, channels, inbox, internal, jobs, messages
from app.handlers import bodies as b
from app.handlers import channel_bodies as c
from app.handlers import message_bodies as m
from app.handlers.endpoint import Route
from app.models.people import Scope

PREFIX = "/api/v1"

ROUTES: tuple[Route, ...] = (
    Route("POST", "/auth/login", auth.login, body=b.LoginBody, public=True),
    Route("POST", "/auth/refresh", auth.renew, body=b.RefreshBody, public=True),
    Route("POST", "/auth/logout", auth.logout, body=b.LogoutBody, public=True),
    Route("GET", "/auth/me", auth.me),
    # Messages
    Route("POST", "/messages", messages.create, Scope.MESSAGES_WRITE, m.MessageBody, m.WaitQuery),
    Route("GET", "/messages", messages.listed, Scope.MESSAGES_READ, query=m.MessagesQuery),
    Route("PUT", "/messages/mark-read", messages.read, Scope.MESSAGES_WRITE, m.ReadBody),
    Route("POST", "/messages/instagram", messages.instagram, Scope.CONTACTS_READ, m.InstagramBody),
    Route("GET", "/messages/{id}", messages.get, Scope.MESSAGES_READ),
    Route("PATCH", "/messages/{id}", messages.edit, Scope.MESSAGES_WRITE, m.MessageEdit),
    Route("DELETE", "/messages/{id}", messages.delete, Scope.MESSAGES_WRITE),
    Route("POST", "/messages/{id}/retry", messages.retry, Scope.MESSAGES_WRITE),
    Route("POST", "/messages/{id}/cancel", messages.cancel, Scope.MESSAGES_WRITE),
    Route("PATCH", "/messages", messages.edit_by_body, Scope.MESSAGES_WRITE, m.MessageEditById),
    Route("DELETE", "/messages", messages.delete_by_body, Scope.MESSAGES_WRITE, m.IdBody),
    # Contacts
    Route("POST", "/contacts", inbox.create_one_contact, Scope.CONTACTS_WRITE, b.ContactBody),
    Route("GET", "/contacts", inbox.contacts, Scope.CONTACTS_READ, query=b.ContactsQuery),
    Route("GET", "/contacts/{id}", inbox.contact, Scope.CONTACTS_READ),
    Route("PATCH", "/contacts/{id}", inbox.edit_one_contact, Scope.CONTACTS_WRITE, b.ContactEditBody),
    # Conversations
    Route("GET", "/conversations", inbox.conversations, Scope.CONVERSATIONS_READ, query=b.ConversationsQuery),
    Route("GET", "/conversations/{id}", inbox.conversation, Scope.CONVERSATIONS_READ),
    Route("PATCH", "/conversations/{id}", inbox.edit_conversation, Scope.CONVERSATIONS_WRITE, b.ConversationEditBody),
    Route("GET", "/conversations/{id}/messages", messages.of_conversation, Scope.MESSAGES_READ, query=b.Page),
    # Staff
    Route("GET", "/users", inbox.users, Scope.CONVERSATIONS_READ),
    # Channels
    Route("POST", "/channels", channels.connect, Scope.CHANNELS_WRITE, c.ChannelBody),
    Route("GET", "/channels", channels.channels, Scope.CHANNELS_READ, query=b.Page),
    Route("POST", "/channels/facebook/oauth", channels.begin_login, Scope.CHANNELS_WRITE, c.LoginBeginBody),
    Route("POST", "/channels/facebook/oauth/finish", channels.finish_login, Scope.CHANNELS_WRITE, c.LoginFinishBody),
    Route("GET", "/channels/{id}", channels.channel, Scope.CHANNELS_READ),
    Route("PATCH", "/channels/{id}", channels.edit, Scope.CHANNELS_WRITE, c.ChannelEditBody),
    Route("DELETE", "/channels/{id}", channels.disconnect, Scope.CHANNELS_WRITE),
    Route("POST", "/channels/{id}/test", channels.check, Scope.CHANNELS_WRITE),
    Route("POST", "/channels/{id}/pause", channels.pause, Scope.CHANNELS_WRITE),
    Route("POST", "/channels/{id}/resume", channels.resume, Scope.CHANNELS_WRITE),
    # The log
    Route("GET", "/changes", inbox.changes, Scope.FEED_READ, query=b.ChangesQuery),
    # What the server does by itself
    Route("GET", "/jobs", jobs.jobs, Scope.ALL),
    # Internal services
    Route(
        "POST", "/socket/emit-message-internal", internal.emit_message, Scope.EVENTS_EMIT, b.AnnounceBody, internal=True
    ),
    Route(
        "POST",
        "/internal/socket/appointment-created",
        internal.appointment_created,
        Scope.EVENTS_EMIT,
        b.AppointmentBody,
        internal=True,
    ),
    Route(
        "POST",
        "/internal/socket/appointment-updated",
        internal.appointment_updated,
        Scope.EVENTS_EMIT,
        b.AppointmentBody,
        internal=True,
    ),
    Route(
        "POST",
        "/internal/socket/appointment-canceled",
        internal.appointment_canceled,
        Scope.EVENTS_EMIT,
        b.AppointmentBody,
        internal=True,
    ),
)
