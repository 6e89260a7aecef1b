// A small client of a node's API: JSON, kept-open connections, time-outs. Node's own http and https, nothing else.
import http from 'node:http';
import https from 'node:https';
import { isIP } from 'node:net';
import { randomBytes } from 'node:crypto';

export class Refused extends Error {
  constructor(what, answer) {
    const body = answer.body ?? {};
    super(`${what} answered ${answer.status} ${body.code ?? ''}: ${body.detail ?? body.title ?? answer.text?.slice(0, 200) ?? ''}`);
    this.status = answer.status;
    this.code = body.code;
  }
}

export class Client {
  // ca: the store's certificate, where the url is one for tills.
  constructor(url, { headers = {}, timeoutMs = 20_000, agent, ca } = {}) {
    this.url = new URL(url);
    this.headers = headers;
    this.timeoutMs = timeoutMs;
    // A node closes a connection that is idle for 30 s; this side is first, or a request could meet the closing.
    this.transport = this.url.protocol === 'https:' ? https : http;
    this.agent = agent ?? new this.transport.Agent({ keepAlive: true, maxSockets: 64, timeout: 4000, ...(ca ? { ca } : {}) });
  }
  with(headers) { return new Client(this.url, { headers: { ...this.headers, ...headers }, timeoutMs: this.timeoutMs, agent: this.agent }); }
  close() { this.agent.destroy(); }

  // {status, body, text, headers}; rejects only where there was no answer. `raw`: bytes instead of JSON.
  call(method, path, body, { raw, headers } = {}) {
    const bytes = raw ?? (body === undefined ? undefined : Buffer.from(JSON.stringify(body)));
    return new Promise((resolve, reject) => {
      const request = this.transport.request({
        host: this.url.hostname, port: this.url.port, method, path, agent: this.agent, timeout: this.timeoutMs,
        servername: isIP(this.url.hostname) ? '' : this.url.hostname,  // the address is verified, whatever Host says
        headers: { ...this.headers, ...(bytes ? { 'content-type': 'application/json', 'content-length': bytes.length } : {}), ...headers },
      }, (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          let parsed;
          try {
            parsed = text ? JSON.parse(text) : undefined;
          } catch {
            parsed = undefined;
          }
          resolve({ status: response.statusCode, body: parsed, text, headers: response.headers });
        });
      });
      request.on('timeout', () => request.destroy(new Error(`${method} ${path}: no answer in ${this.timeoutMs} ms`)));
      request.on('error', reject);
      request.end(bytes);
    });
  }
  // The body of a 2xx answer; anything else throws Refused.
  async ok(method, path, body) {
    const answer = await this.call(method, path, body);
    if (answer.status < 200 || answer.status > 299) throw new Refused(`${method} ${path}`, answer);
    return answer.body;
  }
  get(path) { return this.ok('GET', path); }
  post(path, body) { return this.ok('POST', path, body); }

  // A person signed in here: a client with cookie and CSRF token.
  async signIn(staff, pin) {
    const answer = await this.call('POST', '/v1/session', { staff, pin });
    if (answer.status !== 200) throw new Refused('POST /v1/session', answer);
    const cookies = (answer.headers['set-cookie'] ?? []).map((cookie) => cookie.split(';')[0]).join('; ');
    const session = this.with({ cookie: cookies, 'x-csrf-token': answer.body.csrf });
    session.staff = answer.body.staff_id;
    session.role = answer.body.role;
    return session;
  }
}

export const newKey = () => randomBytes(16).toString('hex');
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Asks again and again until `ask` gives something truthy; says what it waited for when the time is over.
export async function waitUntil(what, ask, { seconds = 30, everyMs = 100 } = {}) {
  const end = Date.now() + seconds * 1000;
  let last;
  for (;;) {
    try {
      const value = await ask();
      if (value) return value;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`waited ${seconds} s for: ${what}${last ? ` (${last.message})` : ''}`);
    await sleep(everyMs);
  }
}

// Runs `each` over the items, at most `width` at a time.
export async function inParallel(items, width, each) {
  const list = [...items];
  const results = new Array(list.length);
  let next = 0;
  await Promise.all(Array.from({ length: Math.min(width, list.length) }, async () => {
    while (next < list.length) {
      const at = next++;
      results[at] = await each(list[at], at);
    }
  }));
  return results;
}
