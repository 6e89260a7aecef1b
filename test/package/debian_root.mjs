// The tarball and the .deb in an empty Debian 12 without network, compiler or anything else: `make package-debian`. Wants root
// (chroot, namespaces) and debootstrap, which fetches that Debian once into build/debian-root, a marked directory of its own.
//
//   node test/package/debian_root.mjs
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import { marker, top } from '../../demo/lib/chain.mjs';
import { Visitor } from './lib.mjs';

const place = join(top, 'build/debian-root');
const root = join(place, 'root');
const out = join(top, 'build/package');
const run = (command, args) => {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${stderr}`);
  return stdout;
};
if (process.getuid() !== 0) {
  console.error('package-debian: chroot and namespaces want root; run it as root');
  process.exit(1);
}
if (!existsSync(join(place, marker))) {
  mkdirSync(place, { recursive: true });
  assert.deepEqual(readdirSync(place), [], `${place} is not empty and not ours`);
  writeFileSync(join(place, marker), 'Made by Holdfast\'s tests.\n');
}
if (!existsSync(join(root, 'holdfast-ready'))) {
  console.log('an empty Debian 12 is fetched (debootstrap, minbase)');
  rmSync(root, { recursive: true, force: true });
  run('debootstrap', ['--variant=minbase', 'bookworm', root, process.env.DEBIAN_MIRROR ?? 'http://deb.debian.org/debian']);
  writeFileSync(join(root, 'holdfast-ready'), '');
}
// No network but loopback, no sight of this machine's processes; /proc, /dev and a shell are all that is there.
const inside = (script) => ['unshare', '--net', '--pid', '--mount', '--fork', '--kill-child', 'sh', '-ec',
  `ip link set lo up; mount -t proc proc ${root}/proc; exec chroot ${root} /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp sh -ec '${script}'`];
const asVisitor = 'setpriv --reuid=65534 --regid=65534 --clear-groups';

rmSync(join(root, 'visit'), { recursive: true, force: true });
mkdirSync(join(root, 'visit'));
for (const name of readdirSync(out)) cpSync(join(out, name), join(root, 'visit', name));
run('chown', ['-R', '65534:65534', join(root, 'visit')]);

for (const command of ['gcc', 'node', 'curl', 'openssl', 'python3']) assert.equal(existsSync(join(root, 'usr/bin', command)), false, `${command} is there: not an empty Debian`);
const version = readFileSync(join(root, 'etc/debian_version'), 'utf8').trim();
const [command, ...args] = inside(`cd /visit && sha256sum --check --quiet SHA256SUMS && ${asVisitor} tar -xzf *.tar.gz && cd holdfast-*/ &&
  exec ${asVisitor} ./holdfast demo`);
const visitor = new Visitor([command, ...args], { env: { PATH: process.env.PATH } });
// The page is asked for from inside: there is no way in from here. bash speaks TCP by itself.
const [, url] = await visitor.reads(/chain page +(http:\S+)/, 60);
const pid = run('pgrep', ['-f', `serve --data /var/tmp/holdfast-demo-65534/chain/head-office`]).trim().split('\n')[0];
const port = new URL(url).port;
const page = run('nsenter', ['--net', '--target', pid, 'bash', '-c',
  `exec 3<>/dev/tcp/127.0.0.1/${port}; printf 'GET /chain/ HTTP/1.1\\r\\nHost: 127.0.0.1:${port}\\r\\nConnection: close\\r\\n\\r\\n' >&3; cat <&3`]);
const seconds = visitor.seconds;
assert.match(page, /^HTTP\/1\.1 200 /);
assert.match(page, /<script type="module"/);
console.log(`Debian ${version}, no network, user 65534: first page ${seconds.toFixed(1)} s after unpacking began`);
const interfaces = run('nsenter', ['--net', '--target', pid, 'ip', '-brief', 'link']).trim();
assert.equal(interfaces.split('\n').length, 1, `only loopback is there: ${interfaces}`);
await visitor.reads(/3 tills sell/, 120);
console.log(`its three stores sell after ${visitor.seconds.toFixed(1)} s`);
run('kill', ['-INT', run('pgrep', ['-f', '-x', './holdfast demo']).trim().split('\n')[0]]);
await visitor.ended;
assert.equal(visitor.end.code, 0, visitor.said);
assert.equal(existsSync(join(root, 'var/tmp/holdfast-demo-65534')), false);

// The .deb: installs without network, makes its user, and starts nothing.
console.log(run(...((c) => [c[0], c.slice(1)])(inside(`
  dpkg --install /visit/*.deb >/dev/null
  getent passwd holdfast
  stat -c "%U %a %n" /var/lib/holdfast
  setpriv --reuid=holdfast --regid=holdfast --clear-groups holdfast site keygen store-01 --into /var/lib/holdfast >/dev/null
  ls /var/lib/holdfast/store-01.pub.toml
  dpkg --purge holdfast
  ls /var/lib/holdfast/keys`))).trim());
rmSync(join(root, 'var/lib/holdfast'), { recursive: true, force: true });
if (visitor.seconds && seconds > 15) {
  console.error(`the first page took ${seconds.toFixed(1)} s; 15 s were promised`);
  process.exit(1);
}
console.log('The package holds what it promises.');
