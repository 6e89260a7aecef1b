// The journals of a chain, exported with the program and checked with the verifier in test/verifier, which shares no code
// with it.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { run, top } from './chain.mjs';
import { inParallel } from './http.mjs';
import { Ledger } from './audit.mjs';

const verifier = join(top, 'test/verifier');

// Exports every epoch of every site's own journal: into/<site>-<epoch>. Returns [{site, epoch, origin, path}].
export async function exportAll(chain, into, { width = 2 } = {}) {
  const wanted = [];
  for (const site of chain.sites.values()) {
    const { origin, epoch } = await site.about();
    const stem = origin.slice(0, origin.lastIndexOf('/'));
    for (let e = 1; e <= epoch; e++) wanted.push({ site: site.name, epoch: e, origin: `${stem}/${e}`, path: join(into, `${site.name}-${e}`), dir: site.dir });
  }
  await inParallel(wanted, width, ({ dir, origin, path }) => run(['journal', 'export', '--data', dir, '--origin', origin, '--into', path]));
  return wanted;
}

function node(args) {
  return new Promise((done, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    child.stdout.on('data', (chunk) => { out += chunk; });
    child.stderr.on('data', (chunk) => { out += chunk; });
    child.on('error', reject);
    child.on('close', (code) => done({ code, out }));
  });
}
