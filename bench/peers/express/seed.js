// Makes one company with an API key; prints {"company_id", "key", "token"} for the bench.
import mongoose from 'mongoose';
import { hashOf, newKey, signToken } from './identity.js';
import { ApiKey, Company, connect } from './models.js';

const { MONGODB_URI, JWT_ACCESS_SECRET } = process.env;
await connect(MONGODB_URI);
const company = await Company.create({ name: 'Bench' });
const key = newKey();
await ApiKey.create({ company_id: company._id, name: 'bench', hash: hashOf(key) });
console.log(JSON.stringify({ company_id: company.id, key, token: signToken(company.id, JWT_ACCESS_SECRET) }));
await mongoose.disconnect();
