"""Make the demo company: staff, keys and customers, all through the actions that every client uses."""

import secrets
from dataclasses import dataclass, replace
from datetime import timedelta

from app.access import OF_ROLE, caller_with_key
from app.actions.create_contact import NewContact, create_contact
from app.actions.draft import Draft
from app.actions.enrol import enrol_key, enrol_user
from app.actions.found_company import found_company
from app.actions.mark_read import mark_read
from app.actions.send_message import send_message
from app.actions.update_conversation import ConversationEdit, update_conversation
from app.commands.demo_talk import TALKS, Speaker, Talk
from app.hub import Hub
from app.models.caller import Caller, CallerKind
from app.models.contact import Identity
from app.models.conversation import Status
from app.models.entity import CompanyId, ContactId, ConversationId, UserId
from app.models.message import Attachment, Direction, MessageRole
from app.models.people import KeyKind, Role, Scope
from app.outside.files import private_folder
from app.outside.lockfile import LockFile
from app.settings_values import Environment

COMPANY = "Harbour Coffee"
OWNER = "maya@harbour-coffee.test"  # by whom the demo is known again
STAFF = (
    (Speaker.MAYA, "Maya Lindqvist", OWNER, Role.OWNER),
    (Speaker.TOM, "Tom Okafor", "tom@harbour-coffee.test", Role.AGENT),
    (Speaker.INES, "Inés Duarte", "ines@harbour-coffee.test", Role.AGENT),
)
OF_BOT = tuple(
    scope for scope in Scope if scope not in (Scope.ALL, Scope.CHANNELS_READ, Scope.CHANNELS_WRITE, Scope.EVENTS_EMIT)
)
OF_SERVICE = (Scope.EVENTS_EMIT, Scope.FEED_READ)
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # without those that look like another
MAKING = 60.0  # seconds that another server of this DATA_DIR may take to make it


@dataclass(frozen=True, slots=True)
class Login:
    """One member of the demo's staff, with the password that is nowhere else."""

    email: str
    role: Role
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """What is told once and never again: only hashes of it are stored."""

    company_id: CompanyId
    name: str
    logins: tuple[Login, ...]
    bot_key: str
    service_key: str
    contact_id: ContactId
    conversation_id: ConversationId


@dataclass(frozen=True, slots=True)
class _Line:
    talk: Talk
    minutes: int
    speaker: Speaker
    text: str
    photo: str | None


async def demo_company_id(hub: Hub) -> CompanyId | None:
    """Return the demo company, if this database has one."""
    owner = await hub.store.users.with_email(OWNER)
    return owner.company_id if owner else None


async def demo_where_wanted(hub: Hub, *, asked: bool) -> Demo | None:
    """Make the demo, unless there is one: in development in an empty database, elsewhere only when asked."""
    if not asked and hub.settings.environment is not Environment.DEVELOPMENT:
        return None  # before a folder is touched: in production it may be read-only
    with await LockFile.turn(private_folder(hub.settings.data_dir) / "demo.lock", MAKING):
        there = await demo_company_id(hub) if asked else await hub.store.companies.any()
        return await _make(hub) if there is None else None


async def _make(hub: Hub) -> Demo:
    company = await found_company(hub, COMPANY)
    logins, staff = await _enrol(hub, company.id)
    _, bot_key = await enrol_key(hub, company.id, name="Shop bot", kind=KeyKind.BOT, scopes=OF_BOT)
    _, service_key = await enrol_key(hub, company.id, name="Back office", kind=KeyKind.SERVICE, scopes=OF_SERVICE)
    callers = staff | dict.fromkeys((Speaker.CUSTOMER, Speaker.ASSISTANT), await caller_with_key(hub, bot_key))
    contact_id, conversation_id = await _talk(hub, callers)
    return Demo(
        company_id=company.id,
        name=company.name,
        logins=logins,
        bot_key=bot_key,
        service_key=service_key,
        contact_id=contact_id,
        conversation_id=conversation_id,
    )


async def _enrol(hub: Hub, company_id: CompanyId) -> tuple[tuple[Login, ...], dict[Speaker, Caller]]:
    """Enrol the staff, one by one: on a busy machine those who stand in line for a hash may be sent away."""
    logins = tuple(Login(email, role, _password()) for _, _, email, role in STAFF)
    users = [
        await enrol_user(hub, company_id, email=login.email, role=login.role, password=login.password, name=name)
        for login, (_, name, _, _) in zip(logins, STAFF, strict=True)
    ]
    callers = (
        Caller(
            kind=CallerKind.USER,
            id=user.id,
            name=user.name,
            company_id=company_id,
            role=user.role,
            scopes=OF_ROLE[user.role],
        )
        for user in users
    )
    return logins, dict(zip((speaker for speaker, *_ in STAFF), callers, strict=True))


def _password() -> str:
    """Return twelve letters in three groups, 59 bits: enough for a demo, and easy to type."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(3))


async def _talk(hub: Hub, callers: dict[Speaker, Caller]) -> tuple[ContactId, ConversationId]:
    """Say every line in the order of its time; return the first customer, and where they write."""
    contacts = {talk.name: await _contact(hub, callers[Speaker.ASSISTANT], talk) for talk in TALKS}
    places = {}
    for line in sorted(_lines(), key=lambda line: line.minutes, reverse=True):
        places[line.talk.name] = await _say(hub, callers[line.speaker], contacts[line.talk.name], line)
        if line.speaker is not Speaker.CUSTOMER or not line.talk.unread:
            await mark_read(hub, _reader(callers, line.talk), conversation_id=places[line.talk.name])
    for talk in TALKS:
        await _settle(hub, callers, talk, places[talk.name])
    return contacts[TALKS[0].name], places[TALKS[0].name]


async def _contact(hub: Hub, caller: Caller, talk: Talk) -> ContactId:
    identities = (Identity(platform=talk.platform, external_id=talk.known_as),) if talk.known_as else ()
    new = NewContact(name=talk.name, email=talk.email, phone=talk.phone, identities=identities)
    contact, _ = await create_contact(hub, caller, new)
    return ContactId(contact["id"])


def _lines() -> list[_Line]:
    return [
        _Line(talk, minutes, speaker, text, talk.photo if place == 1 else None)
        for talk in TALKS
        for place, (minutes, speaker, text) in enumerate(talk.lines)
    ]


async def _say(hub: Hub, caller: Caller, contact_id: ContactId, line: _Line) -> ConversationId:
    draft = Draft(
        role=_role_of(line.speaker),
        direction=Direction.INBOUND if line.speaker is Speaker.CUSTOMER else Direction.OUTBOUND,
        contact_id=contact_id,
        platform=line.talk.platform,
        content=line.text,
        created_at=hub.now() - timedelta(minutes=line.minutes),
    )
    if line.photo:
        photo = Attachment(type="image", url=line.photo, file_description="what the customer photographed")
        draft = replace(draft, attachments=(photo,))
    sent = await send_message(hub, caller, draft)
    return ConversationId(sent.message["conversation_id"])


def _role_of(speaker: Speaker) -> MessageRole:
    known = {Speaker.CUSTOMER: MessageRole.USER, Speaker.ASSISTANT: MessageRole.ASSISTANT}
    return known.get(speaker, MessageRole.OPERATOR)


def _reader(callers: dict[Speaker, Caller], talk: Talk) -> Caller:
    return callers[talk.assignee or Speaker.MAYA]


async def _settle(hub: Hub, callers: dict[Speaker, Caller], talk: Talk, id: ConversationId) -> None:
    """Leave the conversation with whoever looks after it, closed if it is done with."""
    assignee = UserId(callers[talk.assignee].id) if talk.assignee else None
    edit = ConversationEdit(
        status=Status.CLOSED if talk.closed else None, assign=assignee is not None, assignee_id=assignee
    )
    if talk.closed or assignee:
        await update_conversation(hub, _reader(callers, talk), id, edit)
