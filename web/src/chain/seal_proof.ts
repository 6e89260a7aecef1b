// What of a seal was done and proved, as sentences to translate: from the facts that the node tells, not from its own
// English summary.
import type { PostureNow } from '../lib/api';
import type { Key, Values } from '../lib/i18n';

export interface Sentence {
  key: Key;
  values?: Values;
}
type Seal = NonNullable<PostureNow['seal']>;

const names = (of: Seal['probed']): string => of.map((each) => `${each.name} (${each.address})`).join(', ');

export function seal_sentences(seal: Seal): Sentence[] {
  if (seal.state === 'ending') return [{ key: 'posture.proof.ending' }];
  if (seal.packet_filter !== 'set') return [{ key: 'posture.proof.no_filter', values: { why: seal.not_done } }];
  const out: Sentence[] = [];
  const dialled = seal.probed.filter((each) => each.dialled);
  const not_dialled = seal.probed.filter((each) => !each.dialled);
  const answered = seal.probed.filter((each) => each.answered);
  if (!seal.was_probed) out.push({ key: 'posture.proof.probing' });
  else if (answered.length) out.push({ key: 'posture.proof.answers', values: { names: names(answered) } });
  else if (dialled.length) out.push({ key: 'posture.proof.proved', values: { n: dialled.length } });
  else out.push({ key: 'posture.proof.nobody' });
  if (not_dialled.length) out.push({ key: 'posture.proof.not_dialled', values: { names: names(not_dialled) } });
  if (seal.was_probed && seal.our_end === 'proved') out.push({ key: 'posture.proof.other_end' });
  if (seal.not_done) out.push({ key: 'posture.proof.not_done', values: { why: seal.not_done } });
  return out;
}
