// An attack as the demo and the tests play it: a process that destroys, a sensor that says so, and what the node made of it.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('./destroyer.mjs', import.meta.url));

// Starts the destroyer on one directory. { pid, startedUs, ended: Promise, files(): what it is through with, in order }
export function destroy(path, log) {
  const startedUs = Date.now() * 1000;
  const child = spawn(process.execPath, [program, path, log], { stdio: ['ignore', 'ignore', 'pipe'] });
  let err = '';
  child.stderr.on('data', (chunk) => { err += chunk; });
  const ended = new Promise((done, reject) => child.on('close', (code) => (code === 0 ? done() : reject(new Error(`the destroyer ended with ${code}: ${err}`)))));
  const files = () => (existsSync(log) ? readFileSync(log, 'utf8') : '').split('\n').filter(Boolean).map((line) => {
    const [at, bytes, ...name] = line.split(' ');
    return { at: Number(at), bytes: Number(bytes), name: name.join(' ') };
  });
  return { pid: child.pid, startedUs, ended, files };
}
export const sizeOf = (files) => files.reduce((sum, file) => sum + file.bytes, 0);

// The node's own word, in its log, that it is sealed: { atUs, by: 'alert' | 'order' }. A node whose files are overwritten may end
// when its links have ended and before it could say more: then { atUs, by: undefined } of the first link that was cut.
// from: a number of lines, as logLines gave it.
export const logLines = (site) => (existsSync(site.log()) ? readFileSync(site.log(), 'utf8').split('\n').length : 0);
export function sealedIn(site, from = 0) {
  const told = readFileSync(site.log(), 'utf8').split('\n').slice(Math.max(0, from - 1))
    .filter((line) => /"event":"sealed"|"event":"link".*"state":"cut"/.test(line) && line.endsWith('}')).map((line) => JSON.parse(line));
  const sealed = told.find(({ event }) => event === 'sealed') ?? (site.alive ? undefined : told[0]);
  return sealed && { ...sealed, atUs: microseconds(sealed.at) };
}
function microseconds(text) {
  const [seconds, fraction = ''] = text.replace('Z', '').split('.');
  return Date.parse(`${seconds}Z`) * 1000 + Number(fraction.padEnd(6, '0').slice(0, 6));
}

// One line of Suricata's EVE log, of a signature that says: somebody moves sideways inside.
export const alertLine = (signature, { at = new Date(), from = '10.9.9.9', to = '10.201.1.2' } = {}) => `${JSON.stringify({
  timestamp: at.toISOString().replace('Z', '000+0000'), event_type: 'alert', src_ip: from, src_port: 49152, dest_ip: to, dest_port: 445,
  proto: 'TCP', alert: { action: 'allowed', gid: 1, signature_id: signature, rev: 1, severity: 1,
    signature: 'ET POLICY Powershell Command With Hidden Window Argument Over SMB - Likely Lateral Movement', category: 'A Network Trojan was detected' },
})}\n`;
