"""Documents and the things they stand for."""

from datetime import UTC, datetime

import pytest
from bson import ObjectId

from app.models.contact import Contact, Identity, Platform
from app.models.conversation import Conversation, LastMessage, Status
from app.models.delivery import Delivery, DeliveryState, Part
from app.models.entity import ChannelId, CompanyId, ContactId, ConversationId, MessageId
from app.models.message import Attachment, Author, Direction, Message, MessageRole
from app.stores.codec import Codec, new_id

NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
COMPANY = CompanyId(new_id())

CONTACT = Contact(
    id=ContactId(new_id()),
    company_id=COMPANY,
    name="Ann",
    identities=(Identity(platform=Platform.WEB, channel_id=ChannelId(new_id()), external_id="ann"),),
    seen_on=(Platform.WEB, Platform.TELEGRAM),
    created_at=NOW,
)
MESSAGE = Message(
    id=MessageId(new_id()),
    company_id=COMPANY,
    seq=7,
    version=9,
    conversation_id=ConversationId(new_id()),
    contact_id=CONTACT.id,
    platform=Platform.WEB,
    role=MessageRole.OPERATOR,
    direction=Direction.OUTBOUND,
    content="Hello",
    attachments=(Attachment(type="image", url="https://example.test/a.png"),),
    author=Author(kind="user", id=new_id(), name="Bo"),
    parts=(Part(index=0, external_id=None, state="sent"),),
    delivery=Delivery(state=DeliveryState.SENT, sent_at=NOW),
    created_at=NOW,
)
CONVERSATION = Conversation(
    id=MESSAGE.conversation_id,
    company_id=COMPANY,
    contact_id=CONTACT.id,
    platform=Platform.WEB,
    peer=f"contact:{CONTACT.id}",
    status=Status.CLOSED,
    last_message=LastMessage(id=MESSAGE.id, seq=7, direction=Direction.OUTBOUND, preview="Hello", created_at=NOW),
    created_at=NOW,
)


@pytest.mark.parametrize("thing", [CONTACT, MESSAGE, CONVERSATION], ids=lambda thing: type(thing).__name__)
def test_a_thing_comes_back_as_it_went(thing: Contact | Message | Conversation) -> None:
    codec: Codec[Contact | Message | Conversation] = Codec(type(thing))
    assert codec.from_document(codec.to_document(thing)) == thing


def test_ids_are_object_ids_and_what_is_none_is_left_out() -> None:
    document = Codec(Message).to_document(MESSAGE)
    assert document["_id"] == ObjectId(MESSAGE.id)
    assert document["contact_id"] == ObjectId(CONTACT.id)
    assert "channel_id" not in document
    assert "external_id" not in document["parts"][0]


def test_enumerations_are_stored_as_plain_text() -> None:
    document = Codec(Message).to_document(MESSAGE)
    assert type(document["platform"]) is str
    assert type(document["delivery"]["state"]) is str


def test_a_field_that_an_older_document_lacks_has_its_default() -> None:
    document = Codec(Message).to_document(MESSAGE)
    del document["attachments"], document["number"]
    old = Codec(Message).from_document(document)
    assert (old.attachments, old.number) == ((), 0)
