// What /v1/situation, /v1/incidents and /v1/incidents/{id} answer (schema/openapi.yaml).
import type { Hex, Time } from '../lib/api';

export type Posture = 'open' | 'guarded' | 'sealed' | 'rejoining' | 'not yet known';
export const note_kinds = [
  'observation', 'discovered', 'cause', 'contained', 'data_affected', 'attacker_contact', 'ransom_asked', 'decision',
  'authority_informed', 'people_informed', 'loss', 'note', 'title',
] as const;
export type NoteKind = (typeof note_kinds)[number];
export const knowings = ['known', 'suspected', 'not_yet_known', 'ruled_out'] as const;
export type Knowing = (typeof knowings)[number];
export const task_states = ['open', 'doing', 'done', 'dropped'] as const;
export type TaskState = (typeof task_states)[number];

export interface Hour {
  hour: Time;
  count: number;
  gross: number;
  weeks: number;
  usual_min: number | null;
  usual_max: number | null;
}
export interface Figures {
  as_of_entries: number;
  is_sealed: boolean;
  sealed_seconds: number;
  sales: number;
  gross: number;
  waiting: number;
  alerts: number;
}
export interface SiteSight {
  site: string;
  is_here: boolean;
  posture: Posture;
  posture_since: Time | null;
  as_of: Time | null;
  prices_as_of: Time | null;
  stock_as_of: Time | null;
  this_hour: Hour;
  hour_before: Hour;
  figures: Figures;
}
export interface Step {
  code: string;
  for: 'store' | 'security' | 'lawyer';
  text: { en: string; fr: string };
  at: Time | null;
}
export interface Situation {
  site: string;
  at: Time;
  currency: string;
  currency_decimals: number;
  posture: Posture;
  open_incidents: number;
  sites: SiteSight[];
  next: Step[];
}
export interface Summary {
  id: Hex;
  title: string;
  state: 'open' | 'closed';
  opened_at: Time | null;
  opened_at_site: string | null;
  closed_at: Time | null;
  records: number;
  ids: Hex[];
}
export interface Known {
  kind: NoteKind;
  knowing: Knowing | 'nothing_noted';
  text: string;
  about_from: Time | null;
  about_to: Time | null;
  noted_at: Time | null;
}
export interface Task {
  task: Hex;
  text: string;
  state: TaskState;
  owner: Hex | null;
  set_at: Time;
  set_at_site: string;
}
interface Place {
  at: Time;
  site: string;
  origin: string;
  index: number;
  by: Hex | null;
}
export type Item = Place & (
  | { type: 'opened'; incident: Hex; title: string; cause: { origin: string; index: number } | null }
  | {
      type: 'note'; note: Hex; kind: NoteKind; knowing: Knowing; text: string; about_from: Time | null; about_to: Time | null;
      by_whom: Hex | null; corrects: Hex | null; corrected_by: Hex | null;
    }
  | { type: 'task'; task: Hex; text: string; state: TaskState; owner: Hex | null }
  | { type: 'joined'; incidents: Hex[] }
  | { type: 'closed'; text: string; figures: (Figures & { site: string })[] }
  | { type: 'fact'; kind: string; about: string; text: string }
);
export interface Report {
  chain: string;
  seen_from: string;
  as_of: Time;
  currency: string;
  currency_decimals: number;
  id: Hex;
  ids: Hex[];
  title: string;
  other_titles: string[];
  state: 'open' | 'closed';
  opened: { at: Time; site: string; by: Hex | null } | null;
  closed: { at: Time; site: string; by: Hex | null } | null;
  known: Known[];
  next: Step[];
  tasks: Task[];
  sites: SiteSight[];
  timeline: Item[];
  not_kept: number;
}
export interface Person {
  staff_id: Hex;
  number: string;
  role: string;
}
export const rejoin_checks = ['clean_point', 'keys', 'journals', 'agreed'] as const;
export type RejoinCheck = (typeof rejoin_checks)[number];
export interface RejoinLink {
  site: string;
  state: 'up' | 'down' | 'cut';
  checks: { check: RejoinCheck; done: boolean; at: Time | null; by: Hex | null; not_needed: boolean; text: string }[];
  missing: RejoinCheck[];
}
export interface Rejoin {
  posture: Posture;
  links: RejoinLink[];
}
export type IncidentWrite =
  | { kind: 'rejoin_step'; link: string; check: RejoinCheck; not_needed: boolean; text: string }
  | { kind: 'open_incident'; title: string }
  | {
      kind: 'note_incident'; incident: Hex; note: NoteKind; knowing: Knowing; text: string; about_from?: Time; about_to?: Time;
      by_whom?: Hex; corrects?: Hex;
    }
  | { kind: 'set_task'; incident: Hex; task?: Hex; text: string; state: TaskState; owner?: Hex }
  | { kind: 'join_incidents'; into: Hex; others: { incident: Hex }[] }
  | { kind: 'close_incident'; incident: Hex; text: string };
