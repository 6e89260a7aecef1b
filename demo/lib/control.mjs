// The demo's control server: destroy, cut, heal and rebuild a site from its chain page. Only `make demo` runs it. It listens on
// loopback, wants a bearer token in the path (256 bits, drawn at each start) and answers only to pages of this chain's nodes.
import http from 'node:http';
import { randomBytes, timingSafeEqual } from 'node:crypto';

export class Control {
  // actions: {destroy, cut, heal, rebuild}: async (site name) => nothing. state(): {caption, sites}.
  constructor({ origins, actions, state }) {
    Object.assign(this, { origins, actions, state, busy: null, token: randomBytes(32).toString('hex'), trouble: null });
    this.server = http.createServer((request, response) => this.answer(request, response));
  }
  async listen(port) {
    await new Promise((done, reject) => this.server.once('error', reject).listen(port, '127.0.0.1', done));
    this.url = `http://127.0.0.1:${this.server.address().port}/${this.token}`;
    return this.url;
  }
  close() {
    this.server.closeAllConnections?.();
    this.server.close();
  }
  allowed(token) {
    const given = Buffer.from(token ?? ''), mine = Buffer.from(this.token);
    return given.length === mine.length && timingSafeEqual(given, mine);
  }
  answer(request, response) {
    const { origin, host } = request.headers;
    const port = this.server.address()?.port;
    const send = (status, body) => {
      response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store',
        ...(origin && this.origins().has(origin) ? { 'access-control-allow-origin': origin, vary: 'Origin' } : {}) });
      response.end(body === undefined ? undefined : JSON.stringify(body));
    };
    // A name that points at loopback (DNS rebinding) is no way in, nor is another page.
    if (host !== `127.0.0.1:${port}` && host !== `localhost:${port}`) return send(403, { title: 'Wrong host.' });
    if (origin && !this.origins().has(origin)) return send(403, { title: 'Not a page of this chain.' });
    const [, token, action, site] = request.url.split('/');
    if (request.method === 'OPTIONS') {
      response.writeHead(204, { 'access-control-allow-origin': origin ?? '', 'access-control-allow-methods': 'GET, POST',
        'access-control-allow-headers': 'content-type, authorization', 'access-control-max-age': '600', vary: 'Origin' });
      return response.end();
    }
    if (!this.allowed(token)) return send(401, { title: 'Wrong token.' });
    if (request.method === 'GET' && action === 'state') return send(200, { ...this.state(), busy: this.busy, trouble: this.trouble });
    if (request.method !== 'POST' || !Object.hasOwn(this.actions, action) || !site) return send(404, { title: 'No such action.' });
    if (this.busy) return send(409, { title: this.busy });
    request.resume();
    return this.act(action, site, send);
  }
  async act(action, site, send) {
    this.busy = `${action} ${site}`;
    this.trouble = null;
    send(202, { busy: this.busy });
    try {
      await this.actions[action](site);
    } catch (error) {
      this.trouble = `${action} ${site}: ${error.message}`;
      console.error(this.trouble);
    } finally {
      this.busy = null;
    }
  }
}
