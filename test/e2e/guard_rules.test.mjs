// The shipped rules against alerts of real intrusions (../shared/data/security, when it is there), and against a generated set
// of the same shapes when it is not: what each signature does, and that what is listed as benign seals nothing.
import { test } from 'node:test';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { assert, join, run, shared, top } from './lib.mjs';

const security = join(shared, 'data/security');
const real = existsSync(join(security, 'suricata_alerts.jsonl'));
const work = join(top, 'build/e2e', `rules-${process.pid}`);
mkdirSync(work, { recursive: true });
test.after(() => rmSync(work, { recursive: true, force: true }));

// Rows of `holdfast guard try`, and its closing sentence.
async function tryRules(file, ...args) {
  const { out } = await run(['guard', 'try', file, ...args]);
  const rows = out.split('\n').map((line) => /^(benign|watch|guarded|sealed) +(\d+)  (\S+) .{0,46}?  +(\S.*?)  +(.+)$/.exec(line) ?? /^(benign|watch|guarded|sealed) +(\d+)  (\S+)/.exec(line)).filter(Boolean)
    .map(([, level, lines, signature, rule, why]) => ({ level, lines: Number(lines), signature, rule, why }));
  return { out, rows, sealed: /would have been sealed/.test(out), level: (signature) => rows.find((row) => row.signature === String(signature))?.level };
}
const eve = (signature, category, severity = 2, signatureText = `SIG ${signature}`) => JSON.stringify({
  timestamp: '2018-03-24T13:01:02.500000-0600', event_type: 'alert', src_ip: '10.0.0.5', src_port: 1, dest_ip: '10.0.0.6', dest_port: 445,
  alert: { gid: 1, signature_id: signature, signature: signatureText, category, severity } });
const generated = [
  ...Array.from({ length: 90 }, (_, i) => eve(2220000 + i, 'Generic Protocol Command Decode', 3)),
  ...Array.from({ length: 90 }, (_, i) => eve(2522000 + i, 'Misc Attack')),
  eve(2013504, 'Not Suspicious Traffic', 3), eve(2010935, 'Potentially Bad Traffic'), eve(2001595, 'Potential Corporate Privacy Violation', 1),
  eve(2025720, 'A Network Trojan was detected', 1), eve(2024297, 'Attempted Administrator Privilege Gain', 1), eve(2404500, 'A Network Trojan was detected', 1),
  eve(2018392, 'Successful Administrator Privilege Gain', 1), eve(2025701, 'Potentially Bad Traffic'), eve(2025649, 'A Network Trojan was detected', 1),
  eve(2019232, 'Attempted Administrator Privilege Gain', 1), eve(2006445, 'Web Application Attack', 1), eve(2018582, 'A Network Trojan was detected', 1),
];

test('the guard.toml of docs/guard.md is one that a node starts with', async () => {
  const [, example] = /^## guard\.toml$[^]*?^```toml\n([^]*?)^```$/m.exec(readFileSync(join(top, 'docs/guard.md'), 'utf8'));
  const file = join(work, 'guard.toml');
  writeFileSync(file, example);
  const { out } = await run(['guard', 'check', '--rules', file]);
  assert.match(out, /our-backup-scans/);
  assert.match(out, /1 EVE files, 2 webhooks, 1 canaries/);  // of the webhooks one is shipped
});

test('what the shipped rules make of Suricata alerts', async () => {
  let file = join(security, 'suricata_alerts.jsonl');
  if (!real) {
    file = join(work, 'generated.jsonl');
    writeFileSync(file, `${generated.join('\n')}\n`);
  }
  const tried = await tryRules(file);
  console.log(`${real ? '548 real alerts' : 'a generated set'}:\n${tried.out.slice(tried.out.indexOf('\n\n') + 2)}`);
  assert.ok(tried.sealed);
  // Somebody is inside.
  for (const signature of [2025720, 2024297, 2404500, 2018392, 2018582]) assert.equal(tried.level(signature), 'sealed', String(signature));
  // One try, or one sign that may be an administrator's.
  for (const signature of [2025701, 2025649]) assert.equal(tried.level(signature), 'guarded', String(signature));
  for (const signature of [2019232, 2006445]) assert.equal(tried.level(signature), 'watch', String(signature));
  for (const signature of [2220000, 2013504, 2010935, 2001595]) assert.equal(tried.level(signature), 'benign', String(signature));
  if (real) assert.match(tried.out, /548 lines: 548 alerts, 0 of other kinds, 0 not readable/);

  // What is listed as benign, all of it again and again, seals nothing and tightens nothing.
  const benign = new Set(tried.rows.filter((row) => row.level === 'benign').map((row) => row.signature));
  assert.ok(benign.size > 50);
  const lines = readFileSync(file, 'utf8').split('\n').filter((line) => line && benign.has(String(JSON.parse(line).alert.signature_id)));
  const noise = join(work, 'noise.jsonl');
  writeFileSync(noise, `${Array.from({ length: 20 }, () => lines.join('\n')).join('\n')}\n`);
  const quiet = await tryRules(noise);
  assert.ok(!quiet.sealed, quiet.out);
  assert.deepEqual(new Set(quiet.rows.map((row) => row.level)), new Set(['benign']));
  assert.match(quiet.out, /A site with this log would not have been sealed\./);
});

test('Windows recordings through the generic webhook', async () => {
  const files = real ? readdirSync(security).filter((name) => name.startsWith('windows_')).map((name) => {
    const file = join(work, name.replace('.zst', ''));
    writeFileSync(file, execFileSync('zstd', ['-dcq', join(security, name)], { maxBuffer: 1 << 30 }));
    return file;
  }) : ['one'].map((name) => {
    const file = join(work, name);
    const event = (Channel, EventID, more = {}) => JSON.stringify({ Channel, EventID, '@timestamp': '2020-09-17T03:39:24.507Z', Hostname: 'PC', ...more });
    writeFileSync(file, ['', event('Security', 5156), event('security', 4624), event('Microsoft-Windows-Sysmon/Operational', 7),
      event('Security', 4742, { SubjectUserName: 'ANONYMOUS LOGON' }), event('System', 7045, { ServiceName: 'OTR' }), 'not json'].join('\n'));
    return file;
  });
  for (const file of files) {
    const tried = await tryRules(file, '--webhook', 'windows');
    const name = file.split('/').at(-1);
    const grave = tried.rows.filter((row) => row.level !== 'benign');
    console.log(`${name}: ${tried.sealed ? 'sealed' : 'not sealed'}; ${grave.map((row) => `${row.level} ${row.signature} x${row.lines}`).join(', ')}; ` +
      `${tried.rows.filter((row) => row.level === 'benign').length} kinds of event benign`);
    if (!real) continue;
    // A technique of lateral movement was carried out in each: it is at least noticed, and four of five seal.
    assert.ok(grave.length > 0, `${name} is noticed`);
    assert.equal(tried.sealed, !/copy_smb|schtask/.test(name), tried.out.slice(-600));
  }
  if (!real) return;
  // The everyday events of the same machines seal nothing.
  const all = files.flatMap((file) => readFileSync(file, 'utf8').split('\n'));
  const everyday = all.filter((line) => /"Channel":"(?:[sS]ecurity|Microsoft-Windows-Sysmon\/Operational)"/.test(line) && /"EventID":(?:3|5|7|10|12|13|4624|4634|4656|4658|5156|5158)[,}]/.test(line));
  const file = join(work, 'everyday.jsonl');
  writeFileSync(file, `${everyday.join('\n')}\n`);
  const quiet = await tryRules(file, '--webhook', 'windows');
  assert.ok(everyday.length > 5000 && !quiet.sealed, quiet.out.slice(-600));
});

test('the rules can be read without starting anything', async () => {
  const { out } = await run(['guard', 'check']);
  assert.match(out, /sealed +lateral-movement +PowerShell, WMI or a scheduled job/);
  const bad = join(work, 'guard.toml');
  writeFileSync(bad, '[[rule]]\nname = "x"\n');
  const refused = await run(['guard', 'check', '--rules', bad], { mayFail: true });
  assert.equal(refused.code, 1);
  assert.match(refused.err, /guard\.toml:1: `level = "…"` is missing/);
});
