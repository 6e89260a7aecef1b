// The morning. Each sealed store lets its links return one by one, when the checklist of the link is met and a second person
// agrees; head office's come last, because its machine is a new one. Then the incidents that the seals opened become one, and
// it is closed with its figures.
import { join } from 'node:path';
import { run } from '../lib/chain.mjs';
import { inParallel, newKey, waitUntil } from '../lib/http.mjs';
import { say } from '../lib/show.mjs';
import { second } from './night.mjs';

const sealedSites = (night) => [night.attacked, ...night.fed];
const cli = (site, ...args) => run(['rejoin', ...args, '--data', site.dir]);
async function write(session, body) {
  const { replies } = await session.post('/v1/writes', { writes: [{ key: newKey(), ...body }] });
  return replies[0];
}
async function taken(session, body) {
  const reply = await write(session, body);
  if (!reply.ok) throw new Error(`${body.kind} was refused: ${JSON.stringify(reply.problem)}`);
  return reply;
}

// One link: three checks by the manager, who may not agree with himself; then the second person; then it returns.
async function returnLink(night, site, link, { clean, keys }) {
  const { facts } = night;
  const step = (session, check, more) => taken(session, { kind: 'rejoin_step', link, check, ...more });
  const early = await site.session.call('POST', `/v1/links/${link}`, { state: 'open' });
  if (early.status !== 200) facts.rejoin.early++;
  await step(site.session, 'clean_point', { not_needed: true, text: clean });
  await step(site.session, 'keys', keys);
  await step(site.session, 'journals', { text: site.verified });
  const alone = await write(site.session, { kind: 'rejoin_step', link, check: 'agreed', text: 'I agree with myself' });
  if (!alone.ok) facts.rejoin.alone++;
  await step(site.second, 'agreed', { text: '' });
  await site.session.post(`/v1/links/${link}`, { state: 'open' });
  facts.rejoin.links++;
}

// What the person who ticks "journals" has run.
async function journalsHold(site) {
  await run(['journal', 'verify', '--data', site.dir]);
  return 'holdfast journal verify: they hold';
}

export async function linksReturn(night) {
  night.facts.rejoin = { links: 0, early: 0, alone: 0, sites: sealedSites(night).length };
  night.stage = 'links return';
  await inParallel(sealedSites(night), 2, async (site) => {
    await site.signIn();
    site.second = await site.client.signIn(second.number, second.pin);
    site.verified = await journalsHold(site);
    // What the seal waits for: why, and that it is over. A spare whose copy ends before the incident has one opened by hand.
    const [known] = (await site.session.get('/v1/incidents')).incidents, id = known?.id ?? newKey();
    if (!known) await taken(site.session, { key: id, kind: 'open_incident', title: 'Sealed' });
    const note = (kind, knowing, text) => taken(site.session, { kind: 'note_incident', incident: id, note: kind, knowing, text });
    await note('cause', 'suspected', 'an account at head office');
    await note('ransom_asked', 'not_yet_known', '');
    await note('contained', 'known', 'the attacker\'s machine is off the network');
    await cli(site, 'begin', '--reason', 'explained and contained');
    const { links } = await waitUntil(`${site.name} to be rejoining`, async () => {
      const now = await site.session.get('/v1/rejoin');
      return now.posture === 'rejoining' && now;
    });
    for (const { site: link } of links.filter((each) => each.site !== 'head-office')) {
      await returnLink(night, site, link, { clean: 'its machine was never touched', keys: { not_needed: true, text: 'no key of it was within reach' } });
    }
  });
  say(`${night.facts.rejoin.links} links of ${night.facts.rejoin.sites} sealed stores are back, each by its checklist and with a second person`);
  night.show('Links return one by one: each when its checklist is met and a second person agrees. What waited is copied by itself.',
    'Les liaisons reviennent une à une : chacune lorsque sa liste est remplie et qu’une seconde personne approuve. Ce qui attendait est copié.');
}

// Mirrors register a spare when they have heard nothing of the old machine for 60 s, and links are there to ask them.
export async function spareIsRegistered(night) {
  const { attacked, facts } = night, start = performance.now();
  await waitUntil('the spare to be registered', async () => !(await attacked.safety()).provisional, { seconds: 150 });
  facts.spare.registered = (performance.now() - night.dead) / 1000;
  say(`the spare is registered ${facts.spare.registered.toFixed(0)} s after its store's machine was dead (${((performance.now() - start) / 1000).toFixed(1)} s of them waited for here)`);
}

export async function headOfficeReturns(night) {
  await inParallel(sealedSites(night), 2, async (site) => {
    await returnLink(night, site, 'head-office', { clean: 'the whole cosigned history was kept', keys: { text: 'its new machine has keys of its own, registered' } });
    await waitUntil(`${site.name} to see head office`, async () => (await site.session.get('/v1/rejoin')).links.every(({ state }) => state === 'up'), { seconds: 60 });
    await cli(site, 'end', '--reason', 'all links are back');
  });
  say('head office\'s links are back, too, and the sealed stores are open');
}

// Each seal has opened an incident. Head office, which follows everybody, makes one of them and closes it.
export async function closeIncident(night) {
  const { facts } = night, office = night.chain.headOffice;
  const open = await waitUntil('head office to see every incident', async () => {
    const { incidents } = await office.session.get('/v1/incidents');
    return incidents.length >= sealedSites(night).length && incidents;
  }, { seconds: 60 });
  const [{ id }, ...others] = open;
  await taken(office.session, { kind: 'note_incident', incident: id, note: 'title', text: 'The night on which head office was destroyed' });
  await taken(office.session, { kind: 'join_incidents', into: id, others: others.map((other) => ({ incident: other.id })) });
  const told = await waitUntil('them to be one', async () => {
    const { incidents } = await office.session.get('/v1/incidents');
    return incidents.length === 1 && office.session.get(`/v1/incidents/${incidents[0].id}`);
  });
  await taken(office.session, { kind: 'close_incident', incident: told.id, text: 'contained; every site is back' });
  const closed = (await office.session.get(`/v1/incidents/${told.id}`)).timeline;
  const { figures } = closed.find(({ type }) => type === 'closed');
  facts.incident = { opened: open.length, figures, bySeal: closed.filter(({ type, cause }) => type === 'opened' && cause).length,
    sealed: figures.filter(({ sealed_seconds }) => sealed_seconds > 0) };
  const into = join(night.config.dir, 'incident');
  await run(['incident', 'export', '--data', office.dir, '--incident', told.id, '--into', into]);
  say(`${open.length} incidents that seals had opened are one, and closed with its figures; ${into} holds it as HTML and JSON`);
}
