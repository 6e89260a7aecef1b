// The packages, as a visitor and an operator meet them: the same bytes twice, nothing needed but glibc, `holdfast demo` out of
// the tarball. In an empty Debian 12 without network it is run by debian_root.mjs (`make package-debian`), which wants root.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { after } from 'node:test';
import assert from 'node:assert/strict';
import { ownDirectory, top } from '../../demo/lib/chain.mjs';
import { sleep, waitUntil } from '../../demo/lib/http.mjs';
import { Visitor, fetchText } from './lib.mjs';

const out = join(top, 'build/package');
const work = join(top, 'build/package-test');
const run = (command, args, options) => {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', cwd: top, maxBuffer: 1 << 26, ...options });
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout;
};
const sums = () => Object.fromEntries(readdirSync(out).sort().map((name) => [name, createHash('sha256').update(readFileSync(join(out, name))).digest('hex')]));
const named = (ending) => join(out, readdirSync(out).find((name) => name.endsWith(ending)));
const visitors = [];
after(async () => {
  for (const visitor of visitors) if (!visitor.end) await visitor.stop('SIGKILL');
});

let place;  // of the unpacked tarball
test('the packages are made twice, and are the same bytes', () => {
  run('tools/package', []);
  const first = sums();
  assert.deepEqual(Object.keys(first).map((name) => name.replace(/\d+\.\d+\.\d+/, 'V')),
    ['SHA256SUMS', 'holdfast-V-linux-amd64.tar.gz', 'holdfast_V_amd64.deb']);
  run('tools/package', []);
  assert.deepEqual(sums(), first);
  run('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: out });
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  run('tar', ['-xzf', named('.tar.gz'), '-C', work]);
  place = join(work, readdirSync(work)[0]);
  for (const name of ['holdfast', 'START-HERE.txt', 'README.md', 'LICENSE', 'holdfast.service', 'holdfast-spare.service', 'holdfast-sealer', 'holdfast-sealer.service', 'holdfast-feed.service', 'chain.toml', 'docs/operating.md', 'licenses/libssl-dev.txt']) {
    assert.ok(existsSync(join(place, name)), name);
  }
});

// Whoever installs has these texts and not the sources.
const deadLinks = (root) => ['.', 'docs'].flatMap((below) => readdirSync(join(root, below)).filter((name) => name.endsWith('.md')).flatMap((name) => {
  const text = readFileSync(join(root, below, name), 'utf8');
  return [...text.matchAll(/\]\(([^)#\s]+)/g)].map(([, to]) => to).filter((to) => !to.startsWith('http') && !existsSync(join(root, below, to)))
    .map((to) => `${below}/${name}: ${to}`);
}));

test('no text in the tarball names one that is not there', () => {
  assert.ok(existsSync(join(place, 'docs/incident-guide.md')));
  assert.deepEqual(deadLinks(place), []);
});

// Whoever builds them in another folder gets the same bytes.
test('no program names the folder that it was built in', () => {
  for (const name of ['holdfast', 'holdfast-sealer']) {
    const bytes = readFileSync(join(place, name));
    assert.equal(bytes.includes(`${top}/`), false, name);
    assert.doesNotMatch(run('readelf', ['--notes', join(place, name)]), /Build ID/);
  }
});

test('the program needs nothing of the machine but glibc', () => {
  const needed = run('ldd', [join(place, 'holdfast')]).trim().split('\n').map((line) => line.trim().split(/[\s(]/)[0]);
  const glibc = /^(linux-vdso\.so\.1|lib(c|m|pthread|dl|rt|resolv)\.so\.\d|\/lib64\/ld-linux-x86-64\.so\.2)$/;
  assert.deepEqual(needed.filter((name) => !glibc.test(name)), []);
  assert.ok(needed.some((name) => name.startsWith('libc.so')), needed.join());
  // The seal helper alone speaks to the packet filter, through the machine's own library for it.
  const helper = run('readelf', ['--dynamic', join(place, 'holdfast-sealer')]);
  assert.deepEqual([...helper.matchAll(/NEEDED.*\[(.*)\]/g)].map(([, name]) => name).filter((name) => !glibc.test(name) && name !== 'ld-linux-x86-64.so.2'), ['libnftables.so.1']);
});

test('from the tarball, with an empty environment, `holdfast demo` shows a page, trades, loses a store and gets it back', async (t) => {
  const dir = join(work, 'demo');
  const visitor = new Visitor([join(place, 'holdfast'), 'demo', '--dir', dir], { cwd: place });
  visitors.push(visitor);
  const [, chainPage] = await visitor.reads(/chain page +(\S+)/, 60);
  const [, tillPage] = await visitor.reads(/a till +(\S+)/, 5);
  const page = await fetchText(chainPage);
  t.diagnostic(`first page after ${visitor.seconds.toFixed(1)} s`);
  assert.equal(page.status, 200);
  assert.match(page.type, /text\/html/);
  const script = /src="(\/assets\/[^"]+)"/.exec(page.text)[1];
  assert.equal((await fetchText(new URL(script, chainPage))).status, 200);
  assert.equal((await fetchText(tillPage)).status, 200);

  await visitor.reads(/3 tills sell/, 120);
  const office = new URL('/', chainPage);
  const totals = async (site) => JSON.parse((await fetchText(new URL('/v1/totals', office))).text).sites.find((each) => each.site === site);
  const sold = async (site, more) => waitUntil(`${site} to sell`, async () => (await totals(site))?.sales > more, { seconds: 60 });
  await sold('store-02', 5);

  const about = JSON.parse((await fetchText(new URL('/v1/about', office))).text);
  const { control } = about.demo;
  assert.match(control, /^http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{64}$/);
  const state = async () => JSON.parse((await fetchText(`${control}/state`)).text);
  const act = async (what, site) => {
    assert.equal((await fetchText(`${control}/${what}/${site}`, { method: 'POST' })).status, 202);
    const after = await waitUntil(`${what} ${site}`, async () => { const now = await state(); return now.busy === null && now; }, { seconds: 90 });
    assert.equal(after.trouble, null);
    return after.sites.find((each) => each.site === site);
  };
  assert.equal((await fetchText(`${control.slice(0, -1)}x/state`)).status, 401);
  assert.equal((await act('destroy', 'store-02')).alive, false);
  const kept = await totals('store-02');
  assert.equal((await act('rebuild', 'store-02')).alive, true);
  await sold('store-02', kept.sales + 2);

  // With its mirrors gone it cannot come back, and waits for them; the demo ends all the same.
  for (const site of ['head-office', 'warehouse', 'store-01']) assert.equal((await act('destroy', site)).alive, false);
  assert.equal((await fetchText(`${control}/rebuild/store-01`, { method: 'POST' })).status, 202);
  await sleep(5000);
  assert.equal((await state()).busy, 'rebuild store-01');

  const processes = () => spawnSync('pgrep', ['-f', `serve --data ${dir}/`], { encoding: 'utf8' }).stdout.trim();
  assert.notEqual(processes(), '');
  const asked = performance.now();
  assert.deepEqual(await visitor.stop(), { code: 0, signal: null });
  assert.ok(performance.now() - asked < 30_000, visitor.said);
  assert.equal(processes(), '');
  assert.equal(existsSync(dir), false, 'what it wrote is removed');
});

test('`holdfast demo` touches no directory that it did not make', async () => {
  const foreign = join(work, 'foreign');
  mkdirSync(foreign);
  run('cp', [join(place, 'LICENSE'), foreign]);
  const visitor = new Visitor([join(place, 'holdfast'), 'demo', '--dir', foreign]);
  await visitor.ended;
  assert.equal(visitor.end.code, 1);
  assert.match(visitor.said, /was not made by the demo/);
  assert.deepEqual(readdirSync(foreign), ['LICENSE']);
});

// Debian's cloud-init has the network up before sysinit.target. A helper that waits for that target, and for which the network
// waits, closes a circle: systemd opens it by leaving out jobs of others, such as the network's.
const lacksAnalyze = spawnSync('systemd-analyze', ['--version']).status === 0 ? false : 'no systemd-analyze here';
test('the seal helper can start where the network comes up before most else', { skip: lacksAnalyze }, () => {
  const units = join(work, 'units');
  mkdirSync(units);
  const unit = (name, text) => writeFileSync(join(units, name), text);
  const sealer = readFileSync(join(top, 'packaging/holdfast-sealer.service'), 'utf8').replace('/usr/lib/holdfast/holdfast-sealer', '/bin/true');
  const verify = (text) => {
    unit('holdfast-sealer.service', text);
    const { stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', join(units, 'multi-user.target')], { encoding: 'utf8', env: { ...process.env, SYSTEMD_UNIT_PATH: `${units}:` } });
    return stderr;
  };
  unit('cloud-init.service', '[Unit]\nDefaultDependencies=no\nAfter=network-pre.target\nBefore=sysinit.target\n[Service]\nType=oneshot\nExecStart=/bin/true\n');
  mkdirSync(join(units, 'sysinit.target.wants'));
  symlinkSync('../cloud-init.service', join(units, 'sysinit.target.wants/cloud-init.service'));
  unit('multi-user.target', '[Unit]\nDescription=all\nRequires=basic.target\nAfter=basic.target\nWants=holdfast-sealer.service\n');
  assert.doesNotMatch(verify(sealer), /cycle/);
  assert.match(verify(sealer.replace('DefaultDependencies=no\n', '')), /ordering cycle/, 'this test can see one');
});

test('`holdfast demo` takes no directory in which `make demo` works now', async () => {
  const taken = ownDirectory(join(work, 'taken'));  // this process does
  const visitor = new Visitor([join(place, 'holdfast'), 'demo', '--dir', taken]);
  await visitor.ended;
  assert.equal(visitor.end.code, 1);
  assert.match(visitor.said, new RegExp(`Process ${process.pid} works in ${taken}`));
  assert.deepEqual(readdirSync(taken), ['holdfast-demo']);
});

test('the .deb has the same program, a unit that starts nothing without a chain file, and a user of its own', () => {
  const tree = join(work, 'deb');
  run('dpkg-deb', ['--raw-extract', named('.deb'), tree]);
  assert.deepEqual(readFileSync(join(tree, 'usr/bin/holdfast')), readFileSync(join(place, 'holdfast')));
  const unit = readFileSync(join(tree, 'lib/systemd/system/holdfast.service'), 'utf8');
  assert.match(unit, /^ConditionPathExists=\/var\/lib\/holdfast\/chain\.hfc$/m);
  assert.match(unit, /^User=holdfast$/m);
  assert.match(unit, /^NoNewPrivileges=yes$/m);
  const spare = readFileSync(join(tree, 'lib/systemd/system/holdfast-spare.service'), 'utf8');
  // One machine is the one or the other, and each unit leaves the other's directory alone.
  assert.match(unit, /^ConditionPathExists=!\/var\/lib\/holdfast\/keys\/promotion\.sealed$/m);
  assert.match(spare, /^ConditionPathExists=\/var\/lib\/holdfast\/keys\/promotion\.sealed$/m);
  assert.match(spare, /^ExecStart=\/usr\/bin\/holdfast spare serve --data \/var\/lib\/holdfast /m);
  for (const each of [unit, spare]) assert.match(each, /^RestrictAddressFamilies=.*\bAF_NETLINK\b/m, 'getifaddrs() asks by it, and without an answer a seal shuts the tills out');
  for (const each of [unit, spare]) assert.match(each, /^SystemCallFilter=fanotify_init fanotify_mark$/m, 'not in @system-service, and tripwires need them');
  // A seal's filter is set again at every start of the machine, and before the network.
  const sealer = readFileSync(join(tree, 'lib/systemd/system/holdfast-sealer.service'), 'utf8');
  for (const line of ['DefaultDependencies=no', 'Before=network-pre.target', 'StartLimitIntervalSec=0', 'Restart=always', 'RestartSec=5']) assert.match(sealer, new RegExp(`^${line}$`, 'm'));
  assert.match(readFileSync(join(tree, 'DEBIAN/postinst'), 'utf8'), /^ +systemctl --quiet enable holdfast-sealer\.service$/m);
  // It takes nothing before somebody has said from where, and the folder is only read.
  const feed = readFileSync(join(tree, 'lib/systemd/system/holdfast-feed.service'), 'utf8');
  for (const line of ['ConditionPathExists=/etc/default/holdfast-feed', 'User=holdfast', 'ProtectSystem=strict']) assert.match(feed, new RegExp(`^${line}$`, 'm'));
  const texts = join(tree, 'usr/share/doc/holdfast');
  assert.deepEqual(deadLinks(texts), []);
  assert.ok(existsSync(join(tree, /^Documentation=file:\/\/(\S+)$/m.exec(unit)[1])));
  assert.match(run('dpkg-deb', ['--field', named('.deb'), 'Depends']), /^libc6 \(>= 2\.36\)$/m);
  for (const script of ['postinst', 'prerm', 'postrm']) {
    assert.equal(statSync(join(tree, 'DEBIAN', script)).mode & 0o111, 0o111);
    run('sh', ['-n', join(tree, 'DEBIAN', script)]);
  }
  const owners = run('dpkg-deb', ['--contents', named('.deb')]).trim().split('\n').map((line) => line.split(/\s+/)[1]);
  assert.deepEqual([...new Set(owners)], ['root/root']);
});
