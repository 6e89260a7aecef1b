// Everything the pages know of the node's HTTP API: types of schema/openapi.yaml and one client.
// Errors: calls give Answer<T>; `no_answer` means that nobody knows whether the node took the request.

export type Hex = string;
export type Time = string; // RFC 3339, UTC
export type Decimal = string;
export type Role = 'cashier' | 'manager' | 'operator';
export type SiteKind = 'store' | 'head-office' | 'warehouse' | 'web-shop' | 'desk';

export interface Problem {
  code: string;
  title: string;
  detail: string;
  status: number;
}

export interface VatRate {
  code: string;
  name: string;
  rate: Decimal;
}
export interface About {
  chain: string;
  site: string;
  kind: SiteKind;
  origin: string;
  epoch: number;
  version: string;
  currency: string;
  currency_decimals: number;
  languages: string[];
  vat_rates: VatRate[];
  needs_enrolment: boolean;
  /** What this store's tills must trust; null: they do not come by the network. */
  store_certificate?: null | { sha256: string };
  demo: null | { control: string };
}
export interface Session {
  staff_id: Hex;
  number: string;
  role: Role;
  csrf: string;
  expires_at: Time;
  /** Whole seconds until then, for a page whose own clock says something else. */
  expires_in_s: number;
  /** At the address of the store's other machine: instead of a cookie. */
  session?: string;
}
export interface Device {
  till: number;
  name: string;
  device_key: string;
}
/** Of POST /v1/tills: addresses of the store's machines come along. */
export type Enrolled = Device & { machines?: string[] };
export interface Cover {
  origin: string;
  size: number;
  cosigned_size: number;
  cosigned_at: Time | null;
}
export interface Mirror {
  site: string;
  held: number | null;
  last_heard_at: Time | null;
}
/** Who sells here, how old the old system's word is (null: not yet known), and what has not gone back to it yet. */
export interface Standby {
  phase: 'own trade' | 'standing by' | 'taken over';
  since: Time | null;
  taken_over_at: Time | null;
  as_of: { prices: Time | null; stock: Time | null; orders: Time | null };
  open: { sales: number; refunds: number; movements: number; since: Time | null };
  handbacks: number;
}
export type ReadyState = 'good' | 'care' | 'late' | 'missing' | 'not yet known';
export interface Check {
  check: string;
  state: ReadyState;
  needed: boolean;
  as_of: Time | null;
  count: number | null;
  detail: string;
}
export interface Ready {
  site: string;
  at: Time;
  age_hours_max: number;
  standby: Standby;
  checks: Check[];
  ready: boolean;
}
/** Entries [first, end) of a journal that this machine's disk cannot give back; first = end: a checkpoint. */
export interface Hole {
  origin: string;
  first: number;
  end: number;
}
export interface Safety extends Cover {
  epoch: number;
  signing: 'asking' | 'signing' | 'stopped';
  provisional: boolean;
  quorum: number;
  mirrors: Mirror[];
  no_copy_elsewhere_since: Time | null;
  replaced_by: null | { origin: string };
  listed: number;
  not_taken_in: number;
  missing_receipts: string[];
  posture?: Posture;
  posture_since?: Time | null;
  standby: Standby;
  /** While provisional: what the registration waits for. */
  registering: string | null;
  damage?: Hole[];
  /** While this machine takes no writes: what it waits for. */
  waits_for?: string | null;
  spare: null | { held: number; last_heard_at: Time | null; ready: boolean };
  machines_here: 1 | 2;
  /** Addresses of the store's machines, the one that answers first. */
  machines?: string[];
}
export interface SpareStatus {
  chain: string;
  site: string;
  role: 'spare';
  node: { alive: boolean; last_heard_at: Time | null; silent_seconds: number | null };
  copy: { origin: string; size: number; announced: number | null };
  has_people: boolean;
  epoch: number;
  ready: boolean;
  problem: string | null;
  tills?: { wanted: boolean; problem: string | null };  // a spare of before has none
  damage?: Hole[];
  can_open?: boolean;  // a spare of before does not say
}
export type Posture = 'open' | 'guarded' | 'sealed' | 'rejoining';
export interface SensorAlert {
  source: string;
  signature: string;
  severity: number;
  category: string;
  text: string;
  level: 'watch' | 'guarded' | 'sealed';
  rule: string;
  count: number;
  first_at: Time;
  last_at: Time;
}
/** How this site treats its links now, who or what caused it, and what was done about a seal beside them. */
export interface PostureNow {
  site: string;
  posture: Posture;
  recorded: boolean;
  since: Time | null;
  last: null | { posture: Posture; cause: 'alert' | 'person' | 'machine'; staff: Hex | null; rule: string; reason: string };
  seals: number;
  alerts: SensorAlert[];
  seal?: {
    state: 'ending' | 'sealed' | 'open';
    packet_filter: 'set' | 'not set' | 'as before';
    not_done: string;
    our_end: 'proved' | 'not proved' | 'answers';
    was_probed: boolean;
    probed: { name: string; address: string; dialled: boolean; answered: boolean }[];
    summary: string;
  };
}

export interface SaleLine {
  sku: string;
  quantity: Decimal;
  unit_price: Decimal;
  vat: string;
  name?: string;
  open?: boolean;
}
export type Tender =
  | { kind: 'cash'; amount: number }
  | { kind: 'card'; amount: number; token: string; masked: string; result: 'approved' | 'declined' };
export type WriteFields =
  | { kind: 'sale'; lines: SaleLine[]; tenders: Tender[]; change?: number }
  | { kind: 'refund'; receipt: string; lines: { line: number; quantity: Decimal }[]; tenders: Tender[]; reason?: string }
  | { kind: 'refund_no_receipt'; lines: SaleLine[]; tenders: Tender[]; reason: string }
  | { kind: 'accept_held'; origin: string; index: number; products_sha256: string }
  | { kind: 'close_listed'; id: Hex; note: string };
export type WriteBody = { key: Hex; staff: Hex; at: Time } & WriteFields;
export interface Prior {
  origin: string;
  index: number;
  receipt?: string;
  at: Time;
}
/** Rung while no machine of the store answered, under a number of the till's own. */
export interface Alone {
  receipt: string;
  at: Time;
}
export type Write = WriteBody & { prior?: Prior; alone?: Alone };
export interface Taken {
  key: Hex;
  ok: true;
  duplicate: boolean;
  origin: string;
  index: number;
  at: Time;
  receipt?: string;
  total?: number;
  flags: string[];
  listed?: boolean;
}
export interface Refused {
  key: Hex;
  ok: false;
  problem: Problem;
}
export type Reply = Taken | Refused;
export type WriteState = 'cosigned' | 'durable' | 'listed' | 'unknown';
export interface WriteStatus {
  key: Hex;
  state: WriteState;
  origin?: string;
  index?: number;
}

export interface Product {
  sku: string;
  gtin: string | null;
  name: string;
  unit_price: Decimal;
  vat: string;
  goods: boolean;
  stock?: Decimal | null;
}
export interface ReceiptLine {
  line: number;
  sku: string;
  name: string;
  quantity: Decimal;
  unit_price: Decimal;
  vat: string;
  amount: number;
  vat_amount: number;
  refunded: Decimal;
}
export interface VatSum {
  code: string;
  rate: Decimal;
  net: number;
  vat: number;
  gross: number;
}
export interface Receipt {
  kind?: 'sale' | 'refund' | 'refund_no_receipt';
  receipt: string;
  at: Time;
  staff: string;
  total: number;
  origin: string;
  index: number;
  lines: ReceiptLine[];
  tenders: Tender[];
  vat: VatSum[];
  cosigned: boolean;
}

export interface Link {
  to: string;
  state: 'up' | 'down' | 'cut';
  roles: ('mirror' | 'follow')[];
}
export interface Minute {
  at: Time;
  count: number;
  gross: number;
}
export interface ChainSite {
  site: string;
  kind: SiteKind;
  is_here: boolean;
  origin: string;
  epoch: number;
  trading: 'yes' | 'no' | 'not yet known';
  last_heard_at: Time | null;
  size: number | null;
  cosigned_size: number | null;
  cosigned_at: Time | null;
  lag: number | null;
  held_here: number | null;
  posture: Posture | 'not yet known';
  links: Link[];
  sales: { minutes: Minute[]; today_count: number; today_gross: number } | null;
  /** Of a site that is fed by an old system: how old each kind is. */
  feed?: { catalogue: Time | null; stock: Time | null; orders: Time | null } | null;
  contradictions: number;
}
/** What the old system said last; as_of null: not yet known. */
export interface Age {
  fed: boolean;
  as_of: Time | null;
}
export interface Feed {
  site: string;
  fed: boolean;
  prices: Age;
  stock: Age;
  orders: Age;
  open_orders: number;
}
export interface Contradiction {
  origin: string;
  size_a: number | null;
  size_b: number | null;
  seen_at: Time | null;
  evidence: string;
}
export interface KnownLost {
  source?: string;
  what?: string;
  origin?: string;
  from?: number | null;
  to?: number | null;
  receipt?: string;
  at?: Time | null;
}
export interface Recovery {
  site: string;
  old_origin: string;
  new_origin: string;
  cosigned: number;
  announced: number | null;
  announced_at: Time | null;
  readmitted: number;
  resubmitted: number;
  listed: number;
  known_lost: (KnownLost | string)[];
  not_yet_known_since: Time | null;
}
export interface Chain {
  here: string;
  as_of: Time;
  currency: string;
  currency_decimals: number;
  sites: ChainSite[];
  contradictions: Contradiction[];
  recovery: Recovery | null;
  /** The step at which a rebuild of this site is. */
  rebuilding?: string;
}
export interface Listed {
  id: Hex;
  from: { origin: string; index: number } | { till: number } | number;
  kind: string;
  receipt: string | null;
  total: number | null;
  /** The same write stands in the journal here; a node of before says nothing of it. */
  recorded?: { origin: string; index: number } | null;
  reason: string;
  at: Time;
}
export interface PriceAndVat {
  unit_price: string;
  vat: string;
}
/** One entry of head office; `count` products, of which `products` may lack some. `from` null: it is new here. */
export interface Held {
  origin: string;
  index: number;
  bound: string;
  /** Of what is shown; an acceptance of anything else is refused. */
  products_sha256: string;
  count: number;
  products: { sku: string; name: string; from: PriceAndVat | null; to: PriceAndVat }[];
}
export interface DemoState {
  caption: Record<string, string>;
  sites: { site: string; alive: boolean; cut: boolean; rebuilding: boolean; url?: string }[];
  busy: string | null;
  /** What went wrong with the last action. */
  trouble?: string | null;
}

const is_object = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
/** What answers may be something else than a node (a proxy, a portal of the network): these say whether a node spoke. */
export const is_cover = (value: unknown): value is Cover =>
  is_object(value) && typeof value.origin === 'string' && typeof value.size === 'number' && typeof value.cosigned_size === 'number';
const is_reply = (value: unknown): value is Reply =>
  is_object(value) && typeof value.key === 'string' &&
  (value.ok === true ? typeof value.origin === 'string' && typeof value.index === 'number' : is_object(value.problem) && typeof value.problem.status === 'number');
export const are_replies = (value: unknown): value is { replies: Reply[]; safety: Cover } =>
  is_object(value) && is_cover(value.safety) && Array.isArray(value.replies) && value.replies.every(is_reply);
const is_status = (value: unknown): value is WriteStatus =>
  is_object(value) && typeof value.key === 'string' && ['unknown', 'durable', 'cosigned', 'listed'].includes(value.state as string);
export const are_statuses = (value: unknown): value is { writes: WriteStatus[] } =>
  is_object(value) && Array.isArray(value.writes) && value.writes.every(is_status);
export const is_about = (value: unknown): value is About =>
  is_object(value) && typeof value.chain === 'string' && typeof value.site === 'string' && Array.isArray(value.vat_rates);
export const is_session = (value: unknown): value is Session =>
  is_object(value) && typeof value.staff_id === 'string' && typeof value.csrf === 'string' && typeof value.expires_in_s === 'number';

export type Answer<T> =
  | { kind: 'ok'; value: T }
  | { kind: 'problem'; problem: Problem; retry_after_s: number | null }
  | { kind: 'no_answer' };

export interface CallOptions {
  method?: 'GET' | 'POST' | 'DELETE';
  body?: unknown;
  headers?: Record<string, string>;
  timeout_ms?: number;
}

function problem_of(status: number, body: unknown): Problem {
  const given = (typeof body === 'object' && body !== null ? body : {}) as Partial<Problem>;
  return {
    code: typeof given.code === 'string' ? given.code : `http/${status}`,
    title: typeof given.title === 'string' ? given.title : `HTTP ${status}`,
    detail: typeof given.detail === 'string' ? given.detail : '',
    status,
  };
}

/** One request. A body that is not JSON, a cut connection and a timeout are all `no_answer`. */
export async function call<T>(path: string, options: CallOptions = {}): Promise<Answer<T>> {
  const headers: Record<string, string> = { Accept: 'application/json', ...options.headers };
  if (options.body !== undefined) headers['Content-Type'] = 'application/json';
  try {
    const response = await fetch(path, {
      method: options.method ?? 'GET',
      headers,
      cache: 'no-store',
      credentials: path.startsWith('/') ? 'same-origin' : 'omit',
      signal: AbortSignal.timeout(options.timeout_ms ?? 4000),
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    });
    const text = await response.text();
    if (response.status === 204) return { kind: 'ok', value: undefined as T };
    let parsed: unknown = null;
    try {
      parsed = JSON.parse(text);
    } catch {
      if (response.ok) return { kind: 'no_answer' };
    }
    if (response.ok) return { kind: 'ok', value: parsed as T };
    const wait = Number(response.headers.get('Retry-After'));
    return {
      kind: 'problem',
      problem: problem_of(response.status, parsed),
      retry_after_s: Number.isFinite(wait) && wait > 0 ? wait : null,
    };
  } catch {
    return { kind: 'no_answer' };
  }
}

export const till_auth = (device: Device): Record<string, string> => ({
  Authorization: `Till ${device.till}.${device.device_key}`,
});
export const csrf = (session: Session | null): Record<string, string> =>
  session ? { 'X-CSRF-Token': session.csrf } : {};

export function random_hex(bytes: number): Hex {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (b) => b.toString(16).padStart(2, '0')).join('');
}
