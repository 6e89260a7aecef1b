// Runs `holdfast demo` from an unpacked package, as a visitor would, and looks at it from outside.
import { spawn } from 'node:child_process';
import http from 'node:http';
import { sleep } from '../../demo/lib/http.mjs';

export class Visitor {
  // command: [program, ...arguments]; env: nothing of this machine's, unless said.
  constructor(command, { cwd, env = {} } = {}) {
    this.started = performance.now();
    this.said = '';
    this.child = spawn(command[0], command.slice(1), { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on('data', (chunk) => { this.said += chunk; });
    this.ended = new Promise((done) => this.child.on('close', (code, signal) => done((this.end = { code, signal }))));
  }
  get seconds() { return (performance.now() - this.started) / 1000; }

  // Until what the program printed matches; its match.
  async reads(pattern, seconds) {
    for (const until = Date.now() + seconds * 1000; ;) {
      const match = pattern.exec(this.said);
      if (match) return match;
      if (this.end || Date.now() > until) throw new Error(`waited for ${pattern}; ${JSON.stringify(this.end ?? 'it runs')}; it said:\n${this.said}`);
      await sleep(20);
    }
  }
  async stop(signal = 'SIGINT') {
    this.child.kill(signal);
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 60_000);
    await this.ended;
    clearTimeout(timer);
    return this.end;
  }
}

export function fetchText(url, { method = 'GET' } = {}) {
  return new Promise((done, reject) => {
    http.request(url, { method, timeout: 20_000 }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => { text += chunk; }).on('end', () => done({ status: response.statusCode, text, type: response.headers['content-type'] }));
    }).on('error', reject).end();
  });
}
