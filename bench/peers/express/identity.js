// Who is asking: API keys on REST, JSON web tokens on sockets.
import { createHash, createSecretKey, randomBytes } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { ApiKey } from './models.js';

const KEY_LIFE_MS = 60_000;
const KEYS_REMEMBERED = 10_000;
const remembered = new Map();

export const newKey = () => `pk_${randomBytes(24).toString('hex')}`;
export const hashOf = (key) => createHash('sha256').update(key).digest('hex');

export const signToken = (companyId, secret) =>
  jwt.sign({ company_id: companyId }, secret, { subject: 'bench', expiresIn: '1h' });

async function findKey(key) {
  const hash = hashOf(key);
  const known = remembered.get(hash);
  if (known && known.until > Date.now()) return known.key;
  const found = await ApiKey.findOne({ hash, revoked: false }).lean();
  if (!found) return null;
  if (remembered.size >= KEYS_REMEMBERED) remembered.clear();
  remembered.set(hash, { key: found, until: Date.now() + KEY_LIFE_MS });
  return found;
}

export async function requireKey(req, res, next) {
  try {
    const given = req.get('X-API-Key');
    const key = given && await findKey(given);
    if (!key) return res.status(401).json(refusal('unauthenticated', 'This API key is not valid.'));
    req.companyId = key.company_id;
    return next();
  } catch (error) {
    return next(error);
  }
}

export function requireToken(secret) {
  const key = createSecretKey(Buffer.from(secret)); // with a string, jsonwebtoken tries a public key first: slow
  return (socket, next) => {
    try {
      socket.data.companyId = jwt.verify(socket.handshake.auth.token, key, { algorithms: ['HS256'] }).company_id;
      next();
    } catch {
      next(new Error('unauthenticated'));
    }
  };
}

export const refusal = (code, message, details = []) => ({ success: false, error: { code, message, details } });
