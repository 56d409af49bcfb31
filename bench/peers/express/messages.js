// POST /api/v1/messages: check, store, announce to the company's dashboards, answer.
import mongoose from 'mongoose';
import { Contact, Conversation, DIRECTIONS, Message, PLATFORMS, ROLES } from './models.js';
import { refusal } from './identity.js';

const HEX_ID = /^[0-9a-f]{24}$/i;
const DUPLICATE_KEY = 11000;
const KNOWN = new Set([
  'company_id', 'contact_id', 'role', 'platform', 'direction', 'content', 'attachments', 'external_message_id',
  'client_message_id',
]);

function mistakes(body) {
  const found = [];
  const check = (fine, field, message) => { if (!fine) found.push({ field, message }); };
  for (const field of Object.keys(body)) check(KNOWN.has(field), field, 'This field is not known.');
  check(typeof body.contact_id === 'string' && HEX_ID.test(body.contact_id), 'contact_id', 'This is not an id.');
  check(ROLES.includes(body.role), 'role', `One of ${ROLES.join(', ')}.`);
  check(PLATFORMS.includes(body.platform), 'platform', `One of ${PLATFORMS.join(', ')}.`);
  check(DIRECTIONS.includes(body.direction), 'direction', `One of ${DIRECTIONS.join(', ')}.`);
  const { content = '', attachments = [] } = body;
  check(typeof content === 'string' && content.length <= 5000, 'content', 'Text of at most 5000 characters.');
  check(Array.isArray(attachments) && attachments.length <= 20, 'attachments', 'A list of at most 20.');
  check(content.length > 0 || attachments.length > 0, 'content', 'A message has a text or an attachment.');
  for (const name of ['external_message_id', 'client_message_id']) {
    const value = body[name];
    check(value === undefined || (typeof value === 'string' && value.length <= 200), name, 'A short text.');
  }
  return found;
}

const messageView = (message) => ({
  id: message._id,
  seq: message.seq,
  company_id: message.company_id,
  conversation_id: message.conversation_id,
  contact_id: message.contact_id,
  role: message.role,
  platform: message.platform,
  direction: message.direction,
  content: message.content,
  attachments: message.attachments,
  external_message_id: message.external_message_id,
  client_message_id: message.client_message_id,
  read: message.read,
  delivered: message.delivered,
  created_at: message.created_at,
});

const conversationView = (conversation) => ({
  id: conversation._id,
  contact_id: conversation.contact_id,
  channel: conversation.channel,
  message_count: conversation.message_count,
  unread_count: conversation.unread_count,
  last_message: conversation.last_message,
});

// Hands out the message's number and moves the counters of the contact's open conversation, in one write. An open
// conversation proves the contact, so it is looked up only when one has to be made. Null: there is no such contact.
async function enterConversation(companyId, message) {
  const filter = { company_id: companyId, contact_id: message.contact_id, channel: message.platform, open: true };
  const change = {
    $inc: { seq: 1, message_count: 1, unread_count: message.direction === 'inbound' ? 1 : 0 },
    $set: {
      last_message: { id: message._id, content: message.content, direction: message.direction, at: new Date() },
    },
  };
  const entered = await Conversation.findOneAndUpdate(filter, change, { new: true, lean: true });
  if (entered) return entered;
  if (!await Contact.exists({ _id: message.contact_id, company_id: companyId })) return null;
  const options = { upsert: true, new: true, lean: true };
  try {
    return await Conversation.findOneAndUpdate(filter, change, options);
  } catch (error) {
    if (error.code !== DUPLICATE_KEY) throw error;
    return Conversation.findOneAndUpdate(filter, change, options); // another request has just made it
  }
}

// Two requests with one key came at once and the other was stored: this one did not happen.
const leaveConversation = (conversation, message, stored) => Conversation.updateOne(
  { _id: conversation._id },
  {
    $inc: { message_count: -1, unread_count: message.direction === 'inbound' ? -1 : 0 },
    $set: { 'last_message.id': stored._id },
  },
);

const findByKey = (companyId, key) =>
  key && Message.findOne({ company_id: companyId, client_message_id: key }).lean();

const replay = (res, message) =>
  res.status(200).set('Idempotency-Replayed', 'true').json({ success: true, data: messageView(message) });

export const createMessage = (io) => async (req, res) => {
  const found = mistakes(req.body ?? {});
  if (found.length) return res.status(422).json(refusal('invalid', 'Some fields are not right.', found));
  const { companyId, body } = req;
  const key = req.get('Idempotency-Key') ?? body.client_message_id;
  const earlier = await findByKey(companyId, key);
  if (earlier) return replay(res, earlier);

  const draft = { ...body, _id: new mongoose.Types.ObjectId(), company_id: companyId, client_message_id: key };
  const conversation = await enterConversation(companyId, draft);
  if (!conversation) return res.status(404).json(refusal('not_found', 'There is no such contact.'));
  let message;
  try {
    message = await Message.create({ ...draft, conversation_id: conversation._id, seq: conversation.seq });
  } catch (error) {
    if (error.code !== DUPLICATE_KEY) throw error;
    const stored = await findByKey(companyId, key);
    await leaveConversation(conversation, draft, stored);
    return replay(res, stored);
  }
  const data = messageView(message);
  io.to(`company:${companyId}`).emit('message:new', {
    type: 'message:new',
    seq: message.seq,
    at: message.created_at,
    company_id: companyId,
    conversation_id: conversation._id,
    message: data,
    conversation: conversationView(conversation),
  });
  return res.status(201).json({ success: true, data });
};
