// What is stored, with the indexes that the queries and the promises need.
import mongoose from 'mongoose';

const { Schema, model } = mongoose;
const { ObjectId } = Schema.Types;
const options = { versionKey: false, timestamps: { createdAt: 'created_at', updatedAt: 'updated_at' } };

export const ROLES = ['user', 'operator', 'assistant'];
export const PLATFORMS = ['instagram', 'facebook', 'telegram', 'whatsapp', 'web', 'other'];
export const DIRECTIONS = ['inbound', 'outbound'];

export const Company = model('Company', new Schema({ name: { type: String, required: true } }, options));

export const ApiKey = model('ApiKey', new Schema({
  company_id: { type: ObjectId, required: true },
  name: String,
  hash: { type: String, required: true, unique: true },
  revoked: { type: Boolean, default: false },
}, options));

export const Contact = model('Contact', new Schema({
  company_id: { type: ObjectId, required: true, index: true },
  name: { type: String, required: true, maxlength: 200 },
}, options));

const conversationSchema = new Schema({
  company_id: { type: ObjectId, required: true },
  contact_id: { type: ObjectId, required: true },
  channel: { type: String, required: true },
  open: { type: Boolean },
  seq: { type: Number, default: 0 },
  message_count: { type: Number, default: 0 },
  unread_count: { type: Number, default: 0 },
  last_message: { id: ObjectId, content: String, direction: String, at: Date, _id: false },
}, options);
// One open conversation for a contact on a channel: two requests that both find none cannot both make one.
conversationSchema.index(
  { company_id: 1, contact_id: 1, channel: 1 },
  { unique: true, partialFilterExpression: { open: true } },
);
export const Conversation = model('Conversation', conversationSchema);

const messageSchema = new Schema({
  company_id: { type: ObjectId, required: true },
  contact_id: { type: ObjectId, required: true },
  conversation_id: { type: ObjectId, required: true },
  seq: { type: Number, required: true },
  role: { type: String, enum: ROLES, required: true },
  platform: { type: String, enum: PLATFORMS, required: true },
  direction: { type: String, enum: DIRECTIONS, required: true },
  content: { type: String, maxlength: 5000 },
  attachments: [{ type: { type: String }, url: String, file_description: String, _id: false }],
  external_message_id: String,
  client_message_id: String,
  read: { type: Boolean, default: false },
  delivered: { type: Boolean, default: false },
}, options);
messageSchema.index({ company_id: 1, conversation_id: 1, seq: 1 });
messageSchema.index(
  { company_id: 1, client_message_id: 1 },
  { unique: true, partialFilterExpression: { client_message_id: { $exists: true } } },
);
export const Message = model('Message', messageSchema);

export async function connect(uri) {
  // The same promise as ours: an answered write has reached the journals of a majority.
  await mongoose.connect(uri, { autoIndex: false, writeConcern: { w: 'majority', journal: true } });
  await Promise.all([Company, ApiKey, Contact, Conversation, Message].map((each) => each.createIndexes()));
}
