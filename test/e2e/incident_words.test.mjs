// Whether the words that an incident has can tell real ones: 624 incidents of the VERIS Community Database (retail victims,
// and ransomware in any industry) are told as notes to a node, and come back as they were meant. Read from ../shared where
// it is; else records with the same dirt are made here. Nothing of that data is kept in this repository (CC BY-SA 4.0).
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { assert, join, newKey, shared, tradingChain } from './lib.mjs';

const data = join(shared, 'data');
const files = ['vcdb_retail_incidents.jsonl', 'vcdb_ransomware_incidents.jsonl'].map((name) => join(data, name));

const made = [
  { timeline: { incident: { year: 2013 }, discovery: { unit: 'Months', value: 3 }, containment: { unit: 'Unknown' }, exfiltration: { unit: 'NA' } }, action: { malware: { variety: ['Ransomware'] } }, discovery_method: { external: { variety: ['Actor disclosure'] } }, attribute: { availability: {} }, security_incident: 'Confirmed', summary: 'all files' },
  { timeline: { incident: { year: 2014, month: 2 } }, action: { unknown: {} }, discovery_method: { unknown: true }, attribute: { confidentiality: { data_disclosure: 'Potentially', data_total: 40 } }, security_incident: 'Suspected', impact: { overall_amount: 5000, iso_currency_code: 'USD' } },
  { timeline: { incident: { year: 2016, day: 4 }, containment: { unit: 'Days', value: 2 } }, action: { physical: { variety: ['Theft'] } }, discovery_method: { internal: { variety: ['Reported by employee'] } }, attribute: { confidentiality: { data_disclosure: 'No' } }, security_incident: 'Confirmed', impact: { overall_rating: 'Unknown' } },
  { timeline: { incident: { year: 2019, month: 12, day: 31 } }, action: { hacking: { variety: ['Use of stolen creds'] } }, discovery_method: { external: { variety: ['Law enforcement'] } }, attribute: { confidentiality: { data_disclosure: 'Yes', data_victim: ['Customer'] } }, security_incident: 'Near miss', impact: { loss: [{ variety: 'Legal and regulatory', amount: 10 }] } },
];
const records = files.every(existsSync)
  ? files.flatMap((file) => readFileSync(file, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line)))
  : Array.from({ length: 40 }, (_, i) => made[i % made.length]);

// A year, a month or a day as the span that it is.
function span({ year, month, day }) {
  const from = Date.UTC(year, (month ?? 1) - 1, month && day ? day : 1);
  const to = month && day ? from + 86_399_000 : month ? Date.UTC(year, month, 1) - 1000 : Date.UTC(year + 1, 0, 1) - 1000;
  return { about_from: new Date(from).toISOString(), about_to: new Date(to).toISOString() };
}
const words = (value) => JSON.stringify(value ?? '').replace(/[\u0000-\u001f\u007f]/g, ' ').slice(0, 600);
const unit = (time) => (time.unit === 'Unknown' ? 'not_yet_known' : time.unit === 'NA' ? 'ruled_out' : 'known');

// One note for each thing that a VERIS record can say. [kind, knowing, text, period]
function notes_of(record) {
  const notes = [];
  const actions = Object.keys(record.action ?? {});
  notes.push(['cause', actions.every((a) => a === 'unknown') ? 'not_yet_known' : record.security_incident === 'Suspected' ? 'suspected' : 'known', words(record.action), record.timeline.incident ? span(record.timeline.incident) : {}]);
  const how = record.discovery_method ?? {};
  const found = Object.keys(how).filter((k) => k !== 'unknown');
  if (record.discovery_method || record.timeline.discovery)
    notes.push(['discovered', found.length || record.timeline.discovery ? 'known' : 'not_yet_known', words([how, record.timeline.discovery])]);
  const { confidentiality } = record.attribute ?? {};
  if (confidentiality) {
    const knowing = { Yes: 'known', Potentially: 'suspected', Unknown: 'not_yet_known', No: 'ruled_out' }[confidentiality.data_disclosure];
    notes.push(['data_affected', knowing ?? 'not_yet_known', words(confidentiality)]);
  } else if (record.timeline.exfiltration) notes.push(['data_affected', unit(record.timeline.exfiltration), words(record.timeline.exfiltration)]);
  if (record.timeline.containment) notes.push(['contained', unit(record.timeline.containment), words(record.timeline.containment)]);
  if (JSON.stringify(record.action ?? {}).match(/"(Ransomware|Extortion)"/)) notes.push(['ransom_asked', 'suspected', words(record.summary)]);
  if (JSON.stringify(how).includes('Actor disclosure')) notes.push(['attacker_contact', 'known', words(how.external)]);
  const { loss, overall_amount } = record.impact ?? {};
  if (loss || overall_amount) notes.push(['loss', 'known', words(record.impact)]);
  return notes;
}

test('the words of an incident can tell real incidents', { timeout: 300_000 }, async (t) => {
  const chain = await tradingChain('incident-words', { stores: 2, listed: false });
  const site = chain.headOffice;
  const expected = [];
  let batch = [];
  let refused = 0;
  const flush = async () => {
    const { replies } = await site.session.post('/v1/writes', { writes: batch });
    for (const [i, reply] of replies.entries()) {
      // A summary may hold what looks like a card number; that is refused as it must be, and counted.
      if (!reply.ok && reply.problem.code === 'till/card_number') refused++;
      else assert.ok(reply.ok, `${JSON.stringify(reply.problem)} ${JSON.stringify(batch[i])}`);
    }
    batch = [];
  };
  for (const record of records) {
    const id = newKey();
    const notes = notes_of(record);
    batch.push({ key: id, kind: 'open_incident', title: words(record.summary ?? record.incident_id).slice(0, 60) || 'x' });
    for (const [note, knowing, text, about = {}] of notes) batch.push({ key: newKey(), kind: 'note_incident', incident: id, note, knowing, text, ...about });
    expected.push({ id, notes });
    if (batch.length > 400) await flush();
  }
  await flush();
  const { incidents } = await site.session.get('/v1/incidents');
  assert.equal(incidents.length, records.length);
  const tally = {};
  for (const { id, notes } of expected.filter((_, i) => i % 10 === 0)) {
    const told = await site.session.get(`/v1/incidents/${id}`);
    for (const [kind, knowing, , about] of notes) {
      const known = told.known.find((each) => each.kind === kind);
      assert.equal(known.knowing, knowing, `${kind} of ${id}`);
      if (about?.about_from) assert.equal(Date.parse(known.about_from), Date.parse(about.about_from));
    }
    for (const each of told.known) assert.ok(notes.some(([kind]) => kind === each.kind) || each.knowing === 'nothing_noted', each.kind);
  }
  for (const { notes } of expected) for (const [kind, knowing] of notes) tally[`${kind}: ${knowing}`] = (tally[`${kind}: ${knowing}`] ?? 0) + 1;
  t.diagnostic(`${records.length} incidents, ${refused} texts refused as card numbers: ${JSON.stringify(tally)}`);
});
