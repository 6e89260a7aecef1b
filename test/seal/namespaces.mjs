// For tests: a store's machine, its tills and the world outside as three network namespaces with real (virtual) cables,
// made and removed here by their own names. Needs root and iproute2; `missing()` says what is not there.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';

const ip = (...args) => execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });

export function missing() {
  if (process.getuid?.() !== 0) return 'it needs root, for network namespaces';
  const probe = `hf-probe-${process.pid}`;
  try {
    ip('netns', 'add', probe);
    ip('netns', 'del', probe);
  } catch (error) {
    return `network namespaces cannot be made here (${String(error.stderr ?? error.message).trim().slice(0, 100)})`;
  }
  if (!existsSync('/proc/net/if_inet6')) return 'this machine has no IPv6';
  return null;
}

export class Namespaces {
  // site: 10.201.N.2 and fd01:N::2 outside, 10.202.N.1 towards the tills.
  constructor(number = process.pid % 200) {
    this.tag = `hf${process.pid}`;
    this.number = number;
    this.children = [];
    Object.assign(this, {
      site: `${this.tag}-site`, world: `${this.tag}-world`, tills: `${this.tag}-tills`,
      site4: `10.201.${number}.2`, world4: `10.201.${number}.1`, site6: `fd01:${number}::2`, world6: `fd01:${number}::1`,
      shop4: `10.202.${number}.1`, till4: `10.202.${number}.2`,
    });
    for (const name of [this.site, this.world, this.tills]) {
      ip('netns', 'add', name);
      ip('-n', name, 'link', 'set', 'lo', 'up');
    }
    this.cable(this.site, 'out0', [`${this.site4}/24`, `${this.site6}/64`], this.world, 'w0', [`${this.world4}/24`, `${this.world6}/64`]);
    this.cable(this.site, 'shop0', [`${this.shop4}/24`], this.tills, 'till0', [`${this.till4}/24`]);
  }
  cable(a, aName, aAddresses, b, bName, bAddresses) {
    ip('link', 'add', aName, 'netns', a, 'type', 'veth', 'peer', 'name', bName, 'netns', b);
    for (const [ns, name, addresses] of [[a, aName, aAddresses], [b, bName, bAddresses]]) {
      for (const address of addresses) ip('-n', ns, 'address', 'add', address, 'dev', name, ...(address.includes(':') ? ['nodad'] : []));
      ip('-n', ns, 'link', 'set', name, 'up');
    }
  }
  // A process inside; ended by its own id at the end.
  spawn(ns, command, args, options = {}) {
    const child = spawn('ip', ['netns', 'exec', ns, command, ...args], { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    child.said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { child.said = (child.said + chunk).slice(-4000); });
    this.children.push(child);
    return child;
  }
  run(ns, command, args) {
    return execFileSync('ip', ['netns', 'exec', ns, command, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }
  async remove() {
    for (const child of this.children) if (child.exitCode === null) child.kill('SIGKILL');
    await new Promise((done) => setTimeout(done, 200));
    for (const name of [this.site, this.world, this.tills]) {
      try { ip('netns', 'del', name); } catch { /* it is gone */ }
    }
  }
}
