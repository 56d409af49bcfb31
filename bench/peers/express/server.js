// The server that a good Node team would write for this job: Express, Mongoose, Socket.IO.
import { createServer } from 'node:http';
import express from 'express';
import { Server } from 'socket.io';
import { refusal, requireKey, requireToken } from './identity.js';
import { createMessage } from './messages.js';
import { Contact, connect } from './models.js';

const { PORT = '4000', MONGODB_URI, JWT_ACCESS_SECRET } = process.env;
const caught = (handler) => (req, res, next) => handler(req, res, next).catch(next);

async function createContact(req, res) {
  const { name } = req.body ?? {};
  if (typeof name !== 'string' || !name || name.length > 200) {
    return res.status(422).json(refusal('invalid', 'A contact has a name.'));
  }
  const contact = await Contact.create({ company_id: req.companyId, name });
  return res.status(201).json({ success: true, data: { id: contact._id, name } });
}

function answerError(error, req, res, next) { // Express knows an error handler by its four arguments
  if (error.type?.startsWith('entity.')) return res.status(400).json(refusal('bad_json', 'The body is not JSON.'));
  console.error(error);
  return res.status(500).json(refusal('internal', 'Something went wrong.'));
}

function buildApp(io) {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag'); // nobody revalidates the answer of a POST
  app.use(express.json({ limit: '256kb' }));
  app.get('/health/ready', (req, res) => res.json({ status: 'ok' }));
  app.post('/api/v1/contacts', requireKey, caught(createContact));
  app.post('/api/v1/messages', requireKey, caught(createMessage(io)));
  app.use(answerError);
  return app;
}

function openSockets(server) {
  const io = new Server(server, { transports: ['websocket'], perMessageDeflate: false, serveClient: false });
  const company = io.of('/company');
  company.use(requireToken(JWT_ACCESS_SECRET));
  company.on('connection', (socket) => socket.join(`company:${socket.data.companyId}`));
  return company;
}

await connect(MONGODB_URI);
const server = createServer();
server.on('request', buildApp(openSockets(server)));
server.listen(Number(PORT), '127.0.0.1');
