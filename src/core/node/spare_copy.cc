#include "core/node/spare_copy.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/base/read_file.h"
#include "core/chain/chain.h"
#include "core/journal/peek.h"
#include "core/node/closing.h"
#include "core/node/node.h"

namespace holdfast::node {
namespace {

constexpr Duration spare_redial_interval = seconds(1);
constexpr Duration ask_again = seconds(3);
constexpr Duration patience = seconds(10);       // with a node that says nothing at all
constexpr Duration take_patience = seconds(30);  // with one that takes none of what is given back to it
// Of an ended epoch: it is answered when mirrors have it, and nobody knows when that is; or was not heard.
constexpr Duration take_patience_ended = seconds(600);

bool is_fatal(const Error& error) { return error.code.starts_with("base/disk"); }

}  // namespace

Spare::Spare(Disk& disk, Net& net, Clock& clock, Executor& executor, SpareOptions options, chain::ChainFile file,
             chain::Certificate certificate)
    : disk_(disk),
      net_(net),
      clock_(clock),
      options_(std::move(options)),
      chain_(std::move(file)),
      certificate_(std::move(certificate)),
      keys_(chain_),
      replicas_(disk, executor),
      executor_(executor) {}

Result<std::unique_ptr<Spare>> Spare::open(Disk& disk, Net& net, Clock& clock, Executor& executor,
                                           SpareOptions options) {
  HF_TRY(const auto chain_text, read_if_there(disk, chain_file_path));
  HF_TRY(const auto note, read_if_there(disk, certificate_path));
  if (!chain_text || !note)
    return fail("node/not_started",
                "this spare has no chain file or no certificate yet; run `holdfast spare adopt DIR CHAINFILE "
                "CERTIFICATE` first");
  HF_TRY(chain::ChainFile file, chain::open_chain_file(as_text(*chain_text)));
  HF_TRY(chain::Certificate certificate, chain::open_unrevoked_certificate(file, as_text(*note)));
  if (!certificate.spare || certificate.site != options.site)
    return fail("node/wrong_site",
                fmt::format("the certificate here is not one for a spare of {}", options.site.view()));
  std::unique_ptr<Spare> spare(
      new Spare(disk, net, clock, executor, std::move(options), std::move(file), std::move(certificate)));
  HF_TRY_VOID(spare->start());
  return spare;
}

Status Spare::start() {
  now_ = clock_.now();
  redial_at_ = monotonic_ = clock_.monotonic();
  me_ = chain_.find(options_.site);
  if (me_ == nullptr) return fail("node/wrong_site", "the chain file does not name the site of this spare");
  if (options_.node_address.empty()) options_.node_address = me_->link_address;
  HF_TRY(const auto credentials, read_if_there(disk_, spare_credentials_path));
  has_credentials_ = credentials.has_value();
  HF_TRY(const std::vector<std::string> epochs, disk_.list("journals/" + me_->name.str()));
  Origin newest{chain_.chain, me_->name, 0};
  for (const std::string& name : epochs) {
    std::uint32_t epoch = 0;
    const auto [stop, error] = std::from_chars(name.data(), name.data() + name.size(), epoch);
    if (error == std::errc() && stop == name.data() + name.size()) newest.epoch = std::max(newest.epoch, epoch);
  }
  HF_TRY_VOID(replicas_.open_all(newest, chain_));
  return newest.epoch == 0 ? Status() : use_epoch(newest);
}

// The copy is of this epoch from now on; what there is of the one before becomes a journal like a peer's.
Status Spare::use_epoch(const Origin& origin) {
  if (copy_ && copy_->origin() == origin) return {};
  if (copy_) {
    const Origin before = copy_->origin();
    copy_.reset();
    HF_TRY_VOID(replicas_.find_or_create(before));
  }
  pieces_.clear();
  HF_TRY(copy_, journal::Log::open(disk_, executor_, origin));
  HF_TRY(const std::vector<std::string> names, disk_.list(fmt::format("copy/{}", origin.epoch)));
  for (const std::string& name : names) {
    const auto piece = piece_of(name);
    if (!piece) continue;
    if (piece->first + piece->second <= copy_->durable_size()) {
      pieces_.insert(*piece);
    } else {  // its entries did not become durable, or were taken back
      HF_TRY_VOID(disk_.remove(fmt::format("copy/{}/{}", origin.epoch, name)));
    }
  }
  return drop_pieces(noted());
}

std::uint64_t Spare::noted() const {
  const auto newest = copy_ ? journal::peek_checkpoint(copy_->last_checkpoint()) : std::nullopt;
  return newest ? newest->size : 0;
}

std::string Spare::piece_path(const Origin& origin, EntryIndex first) const {
  const auto it = pieces_.find(first);
  return piece_name(origin, first, it == pieces_.end() ? 0 : it->second);
}

Status Spare::drop_pieces(std::uint64_t below) {
  while (!pieces_.empty() && pieces_.begin()->first + pieces_.begin()->second <= below) {
    HF_TRY_VOID(disk_.remove(piece_path(copy_->origin(), pieces_.begin()->first)));
    pieces_.erase(pieces_.begin());
  }
  return {};
}

void Spare::on_connected(ConnectionId connection, const PublicKey& peer_tls_key, bool) {
  inbox_.push_back(Connected{connection, peer_tls_key});
}
void Spare::on_message(ConnectionId from, Bytes message) {
  if (inbox_bytes_ + message.size() > inbox_bytes_max) {
    net_.close(from);
    inbox_.push_back(Closed{from});
    return;
  }
  inbox_bytes_ += message.size();
  inbox_.push_back(Arrived{from, std::move(message)});
}
void Spare::on_closed(ConnectionId connection) { inbox_.push_back(Closed{connection}); }

Instant Spare::wake_at() const {
  if (!inbox_.empty()) return monotonic_;
  if (is_mend_busy_ || (session_ && giving_back_ && (!giving_back_->waiting.empty() || giving_back_->signed_from)))
    return monotonic_ + milliseconds(10);
  if (session_ && scrubber_.next_at() < monotonic_ + spare_redial_interval)
    return std::max(scrubber_.next_at(), monotonic_ + milliseconds(10));
  if (!session_ && !dialling_) return std::max(redial_at_, monotonic_ + milliseconds(10));
  return monotonic_ + spare_redial_interval;
}

Status Spare::turn() {
  now_ = clock_.now();
  monotonic_ = clock_.monotonic();
  for (std::size_t left = inbox_.size(); left > 0; --left) {
    auto item = std::move(inbox_.front());
    inbox_.pop_front();
    if (const auto* connected = std::get_if<Connected>(&item)) {
      // A spare calls; whoever calls it is told nothing.
      if (dialling_ != connected->id) {
        net_.close(connected->id);
        continue;
      }
      dialling_.reset();
      session_ = connected->id;
      session_tls_ = connected->tls;
      is_greeted_ = false;
      unproven_.reset();
      giving_back_.reset();  // it is given again, if the node still differs
      gave_ended_.clear();
      heard_monotonic_ = monotonic_;
      send(sync::Hello{chain_.chain, me_->name, certificate_.epoch, certificate_.note, {}});
    } else if (const auto* closed = std::get_if<Closed>(&item)) {
      if (dialling_ == closed->id) dialling_.reset();
      if (session_ == closed->id) session_.reset();
      redial_at_ = std::max(redial_at_, monotonic_ + spare_redial_interval);
    } else {
      const auto& arrived = std::get<Arrived>(item);
      inbox_bytes_ -= arrived.message.size();
      if (session_ != arrived.id) continue;
      const auto message = sync::decode(arrived.message);
      const Status handled = message ? handle(*message) : Status(pass_on(message.error()));
      if (handled) continue;
      if (is_fatal(handled.error())) return handled;
      if (handled.error().code == "journal/damaged") continue;  // ours, and being mended
      hang_up(handled.error().text);
    }
  }
  if (session_ && heard_monotonic_ && monotonic_ - *heard_monotonic_ > patience) hang_up("the node says nothing");
  HF_TRY_VOID(give_on());
  const bool gives_copy = copy_ && is_giving(copy_->origin());
  if (session_ && giving_back_ && monotonic_ - giving_back_->at > (gives_copy ? take_patience : take_patience_ended))
    hang_up("the node does not take what it lacks and this spare has; it is offered again");
  if (session_ && is_greeted_ && !gives_copy && is_hole_for_good()) HF_TRY_VOID(give_back());
  // Asked again now and then: a node that was catching up did not answer.
  if (session_ && is_greeted_ && !gives_copy && monotonic_ - asked_at_ > ask_again) HF_TRY_VOID(ask_for_copy());
  ask_for_what_was_over_bound();
  if (std::exchange(has_learned_, false) && session_ && is_greeted_) {
    HF_TRY_VOID(leave_lost_branches());
    if (!giving_back_) HF_TRY_VOID(give_ended());  // of an epoch that is known only now
    ask_for_others();
  }
  if (!session_ && !dialling_ && monotonic_ >= redial_at_) {
    redial_at_ = monotonic_ + spare_redial_interval;
    dialling_ = net_.dial(options_.node_address);
  }
  return mend_turn();
}

void Spare::send(const sync::Message& message) {
  if (session_) net_.send(*session_, sync::encode(message));
}

void Spare::hang_up(std::string why) {
  problem_ = std::move(why);
  if (session_) net_.close(*session_);
  session_.reset();
  redial_at_ = monotonic_ + spare_redial_interval;
}

Status Spare::handle(const sync::Message& message) {
  if (const auto* refused = std::get_if<sync::Refused>(&message)) {
    problem_ = refused->reason;
    // What it does not want now, it gets at a next greeting; of what it took before, the answers may be under way.
    if (giving_back_ && !giving_back_->signed_offered.empty()) giving_back_->signed_from.reset();
    return {};
  }
  if (const auto* hello = std::get_if<sync::Hello>(&message)) return on(*hello);
  if (const auto* superseded = std::get_if<sync::Superseded>(&message); superseded && unproven_) {
    learn(superseded->registration);
    return on(sync::Hello(*unproven_));
  }
  if (!is_greeted_) return fail("sync/bad_message", "the node does not say who it is");
  heard_at_ = now_;
  heard_monotonic_ = monotonic_;
  return std::visit(
      [this](const auto& m) -> Status {
        if constexpr (requires { on(m); }) return on(m);
        return {};  // between sites; nothing for a spare
      },
      message);
}

// The node proves itself by its TLS key: of the chain file, or of a registration that it shows (9.3).
Status Spare::on(const sync::Hello& m) {
  if (m.chain != chain_.chain || m.site != me_->name) return fail("sync/bad_message", "this is another site's node");
  if (!m.registration.empty()) learn(m.registration);
  const std::uint32_t newest = keys_.newest_epoch(me_->name);
  const chain::SiteKeys* keys = keys_.keys(me_->name, newest);
  if (keys != nullptr && keys->tls == session_tls_ && m.epoch == newest)
    return greeted({chain_.chain, me_->name, newest});
  // Below its registration there may be lines of mirrors that have come back with a new key, and this spare knows the
  // chain file's. The node shows their registrations next; until they have come it is nobody.
  const auto shown = chain::open_registration(chain_, m.registration);
  if (!shown || shown->certificate.site != me_->name || shown->certificate.keys.tls != session_tls_ ||
      shown->certificate.epoch <= newest)
    return fail("sync/bad_message", "the node's key is not the one that this spare knows of its site");
  unproven_ = m;
  problem_ = "the node has shown a registration that this spare cannot check yet: it lacks keys of the store's mirrors";
  return {};
}

// It is our node. What it has of this epoch we copy; what we have of the one before goes to it.
Status Spare::greeted(const Origin& origin) {
  unproven_.reset();
  is_greeted_ = true;
  mender_.forgive();  // there is nobody else to ask
  problem_.clear();
  heard_at_ = now_;
  heard_monotonic_ = greeted_at_ = monotonic_;
  HF_TRY_VOID(use_epoch(origin));
  HF_TRY_VOID(give_ended());
  HF_TRY_VOID(ask_for_copy());
  HF_TRY_VOID(leave_lost_branches());
  ask_for_others();
  if (!word_to_node_.empty()) send(sync::SpareParcel{word_to_node_});
  return {};
}

void Spare::learn(const std::string& registration_note) {
  if (const auto registration = chain::open_registration(chain_, registration_note)) {
    if (keys_.may_be_taken(*registration)) learn(*registration);
  } else if (const auto old = chain::parse_registration(registration_note);
             old && is_greeted_ && copies(old->certificate.site)) {
    former_keys_.try_emplace(old->certificate.origin(), old->certificate.keys.log);
  }
}

void Spare::learn(const chain::Registration& registration) {
  const chain::Certificate& c = registration.certificate;
  if (keys_.registration(c.site, c.epoch) != nullptr) return;
  if (!c.spare && !keys_.is_succeeded(c.origin()) && !chain::check_not_revoked(chain_, c)) {
    passed_over_.insert_or_assign({c.site, c.epoch}, registration);
    return;
  }
  keys_.add(registration);
  if (const auto older = passed_over_.extract({c.site, registration.old_origin.epoch})) learn(older.mapped());
}

Status Spare::ask_for_copy() {
  asked_at_ = monotonic_;
  if (!is_copy_hashed()) return {};  // its hole is mended first
  HF_TRY(const Hash root, copy_->root_at(copy_->durable_size()));
  send(sync::SpareHave{copy_->origin(), copy_->durable_size(), root, copy_->last_checkpoint()});
  return {};
}

// The node is on an old disk and asks for what its own key has signed (3.2).
Status Spare::on(const sync::Have& m) {
  if (m.origin != copy_->origin()) return {};
  HF_TRY(std::optional<sync::Entries> chunk, sync::next_chunk(*copy_, m.size, m.limit));
  if (chunk) send(std::move(*chunk));
  return {};
}

// Older epochs of our own, and everything of the peers that the site follows: a superset of what the journal names.
void Spare::ask_for_others() {
  std::vector<SiteName> sites = me_->follows;
  sites.push_back(me_->name);
  for (const SiteName& site : sites) {
    for (std::uint32_t epoch = 1; epoch <= keys_.newest_epoch(site); ++epoch) {
      const Origin origin{chain_.chain, site, epoch};
      if (origin != copy_->origin() && keys_.keys(site, epoch) != nullptr) ask_for(origin);
    }
  }
  for (const auto& [origin, key] : former_keys_)
    if (keys_.keys(origin.site, origin.epoch) == nullptr) ask_for(origin);
}

void Spare::ask_for(const Origin& origin) {
  const sync::Replica* replica = replicas_.find(origin);
  send(sync::Have{origin, replica == nullptr ? 0 : replica->size(), 0});
}

// 4.4: what one day may not bring comes on the next.
void Spare::ask_for_what_was_over_bound() {
  if (!session_ || !is_greeted_) return;  // a greeting asks for all of it
  for (const auto& [origin, replica] : replicas_.all()) {
    if (!replica->takes_again(now_)) continue;
    problem_.clear();
    send(sync::Have{origin, replica->size(), 0});
  }
}

// Of two histories of a peer's journal the node has left the one that was not kept; what is here of it is of no use
// then, and comes again from the beginning. The evidence lies with the node.
Status Spare::leave_lost_branches() {
  std::vector<Origin> lost;
  for (const auto& [origin, replica] : replicas_.all()) {
    const chain::Registration* next = origin.site == me_->name ? nullptr : successor_in(keys_, origin);
    if (next == nullptr) continue;
    HF_TRY(const std::optional<bool> differs, differs_from_kept(*replica, *next));
    if (differs.value_or(false)) lost.push_back(origin);
  }
  for (const Origin& origin : lost) HF_TRY_VOID(replicas_.discard(origin));
  return {};
}

Status Spare::on(const sync::SpareEntries& m) {
  if (m.origin == copy_->origin() && (m.first < copy_->durable_size() || !is_copy_hashed())) return {};  // asked twice
  if (m.origin != copy_->origin() || m.first != copy_->durable_size())
    return fail("sync/out_of_order", "not the entries that this spare asked for");
  if (!m.entries.empty()) {
    const auto key = keys_.log_key(m.origin);
    if (!key || !m.signature ||
        !ed25519_verify(*key, sync::tail_text({m.origin, m.first, m.entries, {}, {}}), *m.signature))
      return fail("sync/bad_signature", "the node's signature over its entries does not hold");
    // The signature first: entries without one could not be given back.
    pieces_[m.first] = m.entries.size();
    HF_TRY_VOID(disk_.write_all(piece_path(m.origin, m.first), *m.signature));
    for (const Bytes& entry : m.entries) copy_->append(entry);
    HF_TRY_VOID(copy_->commit());
  }
  if (!m.note.empty()) HF_TRY_VOID(put_note(m.note));
  return ask_for_copy();
}

Status Spare::put_note(const std::string& note) {
  if (!is_copy_hashed()) return {};
  const auto key = keys_.log_key(copy_->origin());
  HF_TRY(const journal::SignedCheckpoint c, journal::open_checkpoint(note, key.value_or(PublicKey{})));
  if (c.checkpoint.origin != copy_->origin() || c.checkpoint.size > copy_->durable_size()) return {};
  HF_TRY(const Hash root, copy_->root_at(c.checkpoint.size));
  if (root != c.checkpoint.root)
    return fail("sync/contradiction", "the node has signed another history than the one that this spare holds");
  HF_TRY_VOID(copy_->put_checkpoint(c.checkpoint.size, note));
  return drop_pieces(noted());
}

Status Spare::on(const sync::SpareCredentials& m) {
  has_credentials_ = true;
  HF_TRY(const auto known, read_if_there(disk_, spare_credentials_path));
  if (known) {
    if (*known == m.box) return {};
    // What is in a box is known when the code is typed; the one before is tried then if this one is spoilt.
    HF_TRY_VOID(disk_.write_all(spare_credentials_before_path, *known));
  }
  HF_TRY_VOID(disk_.write_all(spare_credentials_path, m.box));
  return {};
}

Status Spare::on(const sync::SpareParcel& m) {
  word_of_node_ = m.body;
  return {};
}
void Spare::tell_node(Bytes body) {
  word_to_node_ = std::move(body);
  if (is_greeted_ && session_) send(sync::SpareParcel{word_to_node_});
}

bool Spare::copies(const SiteName& site) const { return site == me_->name || chain_.follows(me_->name, site); }

std::optional<PublicKey> Spare::key_for(const sync::Entries& m) const {
  if (const auto closing = closing_key(keys_, m)) return closing;
  if (const auto key = keys_.log_key(m.origin)) return key;
  const auto former = former_keys_.find(m.origin);
  return former == former_keys_.end() ? std::nullopt : std::optional(former->second);
}

Status Spare::on(const sync::Entries& m) {
  const SiteName& site = m.origin.site;
  if (!copies(site) || m.origin == copy_->origin()) return fail("node/refused", "these entries were not asked for");
  const auto key = key_for(m);
  if (!key) return fail("node/refused", "the key of that journal is not known here");
  HF_TRY(sync::Replica * replica, replicas_.find_or_create(m.origin));
  // What others fill in a day is bounded, what our own store has had is not; and what comes too fast from one of them
  // holds up nothing else.
  const Status taken = replica->take(m, *key, site == me_->name ? nullptr : &chain_.bounds, now_);
  if (!taken && taken.error().code == "sync/over_bound") {
    problem_ = taken.error().text;
    return {};
  }
  const chain::Registration* next = successor_in(keys_, m.origin);
  if (!taken && taken.error().code == "sync/contradiction" && site != me_->name && next != nullptr &&
      m.first + m.entries.size() <= next->kept_size) {
    HF_TRY_VOID(replicas_.discard(m.origin));
    return send(sync::Have{m.origin, 0, 0}), Status();
  }
  if (!taken && taken.error().code != "sync/out_of_order") return taken;
  if (!taken && m.first < replica->size()) return {};
  send(sync::Have{m.origin, replica->size(), 0});
  return {};
}

Status Spare::on(const sync::Superseded& m) {
  const std::size_t known = keys_.registrations() + former_keys_.size();
  learn(m.registration);
  has_learned_ = has_learned_ || keys_.registrations() + former_keys_.size() != known;
  return {};
}

Status Spare::on(const sync::Cosigned& m) {
  const auto checkpoint = journal::peek_checkpoint(m.note);
  if (!checkpoint || checkpoint->origin != copy_->origin()) return {};
  // Of a node that lacks what is being given back to it: the copy is of another history until that is done.
  if (is_giving(copy_->origin())) return {};
  return put_note(m.note);
}

Status Spare::on(const sync::Heartbeat& m) {
  if (m.origin != copy_->origin() || !m.signature) return {};
  const auto key = keys_.log_key(m.origin);
  if (!key || !ed25519_verify(*key, sync::heartbeat_text(m), *m.signature)) return {};
  announced_ = std::max(announced_.value_or(0), m.size);
  Writer out;
  out.u64(m.size);
  out.i64(m.at.unix_ns);
  out.i64(now_.unix_ns);
  const Status written = disk_.write_all(spare_heard_path, out.view());
  // Only a report reads it, and the copy may still have room in the files it is in.
  is_without_room_ = !written && written.error().code == "base/disk_full";
  return is_without_room_ ? Status() : written;
}

SpareView Spare::view() const {
  SpareView out;
  if (copy_) {
    out.origin = copy_->origin();
    out.size = copy_->durable_size();
  }
  out.announced = announced_;
  out.heard_at = heard_at_;
  if (heard_monotonic_ && heard_at_) out.silent = clock_.monotonic() - *heard_monotonic_;
  out.is_linked = session_.has_value() && is_greeted_;
  out.has_credentials = has_credentials_;
  out.epoch = certificate_.epoch;
  out.problem = problem_;
  if (is_without_room_ && problem_.empty())
    out.problem =
        "the disk of this spare is full; make room there: it ends when its copy needs another file, and could "
        "not open the store";
  add_damage(out);
  return out;
}

}  // namespace holdfast::node
