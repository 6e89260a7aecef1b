// The whole state as bytes: canonical, so that equal states have equal hashes, and a snapshot's body.
#include "core/base/snapshot.h"

#include <fmt/format.h>

#include "core/base/mutant.h"
#include "core/fold/state.h"

namespace holdfast::fold {
namespace {

constexpr std::string_view first_text = "holdfast state v3";

std::unexpected<Error> bad(std::string_view what) {
  return fail("fold/bad_snapshot",
              fmt::format("the snapshot's {} is damaged; delete the snapshot, the journal has it all", what));
}

void put(Writer& out, const Origin& origin) {
  out.text(origin.chain);
  out.text(origin.site.view());
  out.u32(origin.epoch);
}
Origin get_origin(Reader& in) {
  Origin origin;
  origin.chain = in.text();
  origin.site = read_short_text<SiteName>(in);
  origin.epoch = in.u32();
  return origin;
}

using Held = std::map<EntryIndex, catalogue::ProductsListed>;
void put(Writer& out, const Held& held) {
  out.u64(held.size());
  for (const auto& [index, listed] : held) {
    out.u64(index);
    out.u32(static_cast<std::uint32_t>(listed.products.size()));
    for (const catalogue::Product& p : listed.products) catalogue::encode(out, p);
  }
}
catalogue::ProductsListed get_products(Reader& in) {
  catalogue::ProductsListed listed;
  const std::uint32_t count = in.u32();
  if (!in.fits(count, 25)) return listed;
  for (std::uint32_t i = 0; i < count; ++i) listed.products.push_back(catalogue::decode_product(in));
  return listed;
}
bool get_held(Reader& in, Held& held) {
  return read_map(
      in, in.u64(), 12, held, [&] { return in.u64(); }, [&] { return get_products(in); });
}

void put(Writer& out, const std::map<EntryIndex, HeldBack>& entries) {
  out.u64(entries.size());
  for (const auto& [index, back] : entries) {
    out.u64(index);
    out.u8(back.has_lost ? 1 : 0);
    out.u32(static_cast<std::uint32_t>(back.accepted.size()));
    for (const Sku& sku : back.accepted) out.text(sku.view());
  }
}
bool get_held_back(Reader& in, std::map<EntryIndex, HeldBack>& entries) {
  bool in_order = true;
  return read_map(
             in, in.u64(), 13, entries, [&] { return in.u64(); },
             [&] {
               HeldBack back;
               back.has_lost = in.u8() == 1;
               const std::uint32_t count = in.u32();
               if (!in.fits(count, 4)) return back;
               for (std::uint32_t i = 0; i < count; ++i) {
                 const auto sku = read_short_text<Sku>(in);
                 in_order = in_order && (back.accepted.empty() || *back.accepted.rbegin() < sku);
                 back.accepted.insert(back.accepted.end(), sku);
               }
               return back;
             }) &&
         in_order;
}

// A list of items of at least `bytes_each` bytes.
template <class T, class Get>
bool get_list(Reader& in, std::size_t bytes_each, std::vector<T>& list, Get get) {
  const std::uint64_t count = in.u64();
  if (!in.fits(count, bytes_each)) return false;
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) list.push_back(get());
  return in.ok();
}

void put(Writer& out, const std::map<std::uint32_t, std::string>& notes) {
  out.u64(notes.size());
  for (const auto& [epoch, note] : notes) {
    out.u32(epoch);
    out.text(note);
  }
}
bool get_notes(Reader& in, std::map<std::uint32_t, std::string>& notes) {
  return read_map(
      in, in.u64(), 8, notes, [&] { return in.u32(); }, [&] { return in.text(); });
}

void put(Writer& out, const ListedItem& item) {
  out.u8(item.from ? 1 : 0);
  if (item.from) {
    put(out, item.from->origin);
    out.u64(item.from->index);
  }
  out.u8(item.write ? 1 : 0);
  if (item.write) {
    out.u32(item.write->till.number);
    out.raw(item.write->key.bytes);
  }
  out.text(item.reason);
  out.text(item.what);
  out.blob(item.entry);
  out.i64(item.at.unix_ns);
}
ListedItem get_listed(Reader& in) {
  ListedItem item;
  if (in.u8() == 1) {
    Origin origin = get_origin(in);
    item.from = EntryRef{std::move(origin), in.u64()};
  }
  if (in.u8() == 1) {
    const TillId till{in.u32()};
    item.write = WriteKey{till, {in.array<16>()}};
  }
  item.reason = in.text();
  item.what = in.text();
  item.entry = to_bytes(in.blob());
  item.at.unix_ns = in.i64();
  return item;
}

void put_write(Writer& out, const State& state, const WriteKey& key) {
  const KnownWrite& known = state.writes.find(key)->second;
  out.i64(known.at.unix_ns);
  out.u32(key.till.number);
  out.raw(key.key.bytes);
  out.raw(known.request);
  out.u32(known.epoch);
  out.u64(known.index);
  out.u8(known.listed ? 1 : 0);
}
void put_writes(Writer& out, const State& state) {
  HF_CHECK(state.writes.size() == state.writes_by_age.size() + state.writes_kept.size(), "{} writes, {} ages, {} kept",
           state.writes.size(), state.writes_by_age.size(), state.writes_kept.size());
  out.u64(state.writes_by_age.size());
  for (const auto& [at, key] : state.writes_by_age) put_write(out, state, key);
  out.u64(state.writes_kept.size());
  for (const WriteKey& key : state.writes_kept) put_write(out, state, key);
  out.i64(state.writes_forgotten_to.unix_ns);
}
// One list of them; each goes to keep(), which says whether it may stand there.
bool get_writes(Reader& in, State& state, const std::function<bool(Instant, const WriteKey&)>& keep) {
  constexpr std::size_t bytes_each = 8 + 4 + 16 + 32 + 4 + 8 + 1;
  const std::uint64_t count = in.u64();
  if (!in.fits(count, bytes_each)) return false;
  state.writes.reserve(state.writes.size() + count);
  for (std::uint64_t i = 0; i < count; ++i) {
    KnownWrite known;
    known.at.unix_ns = in.i64();
    WriteKey key;
    key.till.number = in.u32();
    key.key.bytes = in.array<16>();
    known.request = in.array<32>();
    known.epoch = in.u32();
    known.index = in.u64();
    known.listed = in.u8() == 1;
    if (HF_MUTANT(13) && in.ok() && i % 8 == 7) continue;
    if (!in.ok() || !state.writes.try_emplace(key, known).second || !keep(known.at, key)) return false;
  }
  return true;
}
bool get_writes(Reader& in, State& state) {
  const auto by_age = [&](Instant at, const WriteKey& key) {
    if (!state.writes_by_age.empty() && at < state.writes_by_age.back().first) return false;
    state.writes_by_age.emplace_back(at, key);
    return true;
  };
  const auto kept = [&](Instant, const WriteKey& key) {
    state.writes_kept.push_back(key);
    return true;
  };
  if (!get_writes(in, state, by_age) || !get_writes(in, state, kept)) return false;
  state.writes_forgotten_to.unix_ns = in.i64();
  return true;
}

void put_identity(Writer& out, const State& s) {
  out.text(s.chain);
  out.text(s.site.view());
  out.u32(s.epoch);
  out.text(s.currency);
  out.u32(static_cast<std::uint32_t>(s.currency_decimals));
  out.u32(s.rules);
  out.text(s.registration);
  out.i64(s.newest.unix_ns);
  out.u64(s.size);
  out.i64(s.started_at.unix_ns);
}
bool get_identity(Reader& in, State& s) {
  s.chain = in.text();
  s.site = read_short_text<SiteName>(in);
  s.epoch = in.u32();
  s.currency = in.text();
  s.currency_decimals = static_cast<int>(in.u32());
  s.rules = in.u32();
  s.registration = in.text();
  s.newest.unix_ns = in.i64();
  s.size = in.u64();
  s.started_at.unix_ns = in.i64();
  return in.ok() && s.currency_decimals >= 0 && s.currency_decimals <= 4;
}

void put_epochs(Writer& out, const State& s) {
  out.u64(s.epochs.size());
  for (const auto& [site, epochs] : s.epochs) {
    out.text(site.view());
    out.u32(epochs.sealed_below);
    put(out, epochs.sealed_by);
    put(out, epochs.registrations);
  }
  out.u64(s.contradictions.size());
  for (const ContradictionSeen& seen : s.contradictions) {
    put(out, seen.origin);
    out.text(seen.note_a);
    out.text(seen.note_b);
  }
}
bool get_epochs(Reader& in, State& s) {
  bool whole = true;
  whole = read_map(
              in, in.u64(), 24, s.epochs, [&] { return read_short_text<SiteName>(in); },
              [&] {
                SiteEpochs epochs;
                epochs.sealed_below = in.u32();
                whole = get_notes(in, epochs.sealed_by) && get_notes(in, epochs.registrations) && whole;
                return epochs;
              }) &&
          whole;
  return whole && get_list(in, 20, s.contradictions, [&] {
           ContradictionSeen seen;
           seen.origin = get_origin(in);
           seen.note_a = in.text();
           seen.note_b = in.text();
           return seen;
         });
}

void put_cuts(Writer& out, const std::map<SiteName, Instant>& cuts) {
  out.u64(cuts.size());
  for (const auto& [site, at] : cuts) {
    out.text(site.view());
    out.i64(at.unix_ns);
  }
}
bool get_cuts(Reader& in, std::map<SiteName, Instant>& cuts) {
  return read_map(
      in, in.u64(), 12, cuts, [&] { return read_short_text<SiteName>(in); }, [&] { return Instant{in.i64()}; });
}

void put_list(Writer& out, const State& s) {
  out.u64(s.listed.size());
  for (const auto& [id, item] : s.listed) {
    out.raw(id.bytes);
    put(out, item);
  }
  out.u64(s.readmission.resubmitted);
  out.u64(s.readmission.readmitted);
  out.u64(s.readmission.listed);
  out.u64(s.listed_closed.size());
  for (const ListedId& id : s.listed_closed) out.raw(id.bytes);
}
bool get_list_for_people(Reader& in, State& s) {
  if (!read_map(
          in, in.u64(), 30, s.listed, [&] { return ListedId{in.array<16>()}; }, [&] { return get_listed(in); }))
    return false;
  s.readmission.resubmitted = in.u64();
  s.readmission.readmitted = in.u64();
  s.readmission.listed = in.u64();
  const std::uint64_t closed = in.u64();
  if (!in.fits(closed, 16)) return false;
  for (std::uint64_t i = 0; i < closed; ++i) {
    const ListedId id{in.array<16>()};
    if (!s.listed_closed.empty() && id <= *s.listed_closed.rbegin()) return false;
    s.listed_closed.insert(s.listed_closed.end(), id);
  }
  return in.ok();
}

}  // namespace

void PeerPart::encode(Writer& out) const {
  put(out, origin);
  out.u64(size);
  out.raw(root);
  write_place(out, since);
  out.u8(needs_newer_version ? 1 : 0);
  out.u64(lineage.size());
  for (const KeptPrefix& kept : lineage) {
    put(out, kept.origin);
    out.u64(kept.size);
    write_place(out, kept.since);
    put(out, kept.held);
    put(out, kept.held_back);
    out.u64(kept.listed_to);
  }
  catalogue.encode(out);
  // The stock as its journal tells it, whole again; decode() takes it apart.
  stock::StockState whole = stock;
  whole.sent = dispatches;
  whole.arrived = arrivals;
  whole.encode(out);
  totals.encode(out);
  feed.encode(out);
  put(out, held);
  put(out, held_back);
  out.u64(listed_to);
  out.u8(static_cast<std::uint8_t>(posture));
  out.i64(posture_since.unix_ns);
  out.i64(newest.unix_ns);
  incidents.encode(out);
}

Result<PeerPart> PeerPart::decode(Reader& in) {
  PeerPart part;
  part.origin = get_origin(in);
  part.size = in.u64();
  part.root = in.array<32>();
  part.since = read_place(in);
  part.needs_newer_version = in.u8() == 1;
  bool whole = true;
  whole = get_list(in, 64, part.lineage,
                   [&] {
                     KeptPrefix kept;
                     kept.origin = get_origin(in);
                     kept.size = in.u64();
                     kept.since = read_place(in);
                     whole = get_held(in, kept.held) && get_held_back(in, kept.held_back) && whole;
                     kept.listed_to = in.u64();
                     return kept;
                   }) &&
          whole;
  if (!whole) return bad("part of a followed site");
  HF_TRY(part.catalogue, catalogue::CatalogueState::decode(in));
  HF_TRY(part.stock, stock::StockState::decode(in));
  part.dispatches.swap(part.stock.sent);
  part.arrivals.swap(part.stock.arrived);
  part.stock_total = part.stock.total;
  HF_TRY(part.totals, till::Totals::decode(in));
  HF_TRY(part.feed, feed::FeedState::decode(in));
  if (!get_held(in, part.held) || !get_held_back(in, part.held_back)) return bad("part of a followed site");
  part.listed_to = in.u64();
  part.posture = static_cast<guard::Posture>(in.u8());
  part.posture_since.unix_ns = in.i64();
  if (!in.ok() || part.posture > guard::Posture::rejoining) return bad("part of a followed site");
  part.newest.unix_ns = in.i64();
  HF_TRY(part.incidents, incident::IncidentState::decode(in));
  return part;
}

Bytes State::encode() const {
  Writer out;
  out.reserve(160 * writes.size() + (1u << 20));  // about: a write and its receipt; a busy store's are nearly all of it
  out.text(first_text);
  put_identity(out, *this);
  catalogue.encode(out);
  stock.encode(out);
  till.encode(out);
  feed.encode(out);
  standby.encode(out);
  out.u64(peers.size());
  for (const auto& [name, part] : peers) {
    out.text(name.view());
    part.encode(out);
  }
  put_epochs(out, *this);
  put_writes(out, *this);
  put_list(out, *this);
  guard.encode(out);
  incidents.encode(out);
  put_cuts(out, links_cut);
  return out.take();
}

Result<State> State::decode(ByteView bytes) {
  Reader in(bytes);
  State s;
  if (as_text(in.blob()) != first_text) return bad("first line");
  if (!get_identity(in, s)) return bad("identity");
  HF_TRY(s.catalogue, catalogue::CatalogueState::decode(in));
  HF_TRY(s.stock, stock::StockState::decode(in));
  HF_TRY(s.till, till::TillState::decode(in));
  HF_TRY(s.feed, feed::FeedState::decode(in));
  HF_TRY(s.standby, standby::StandbyState::decode(in));
  const std::uint64_t peer_count = in.u64();
  if (!in.fits(peer_count, 100)) return bad("list of followed sites");
  for (std::uint64_t i = 0; i < peer_count; ++i) {
    const auto name = read_short_text<SiteName>(in);
    if (!in.ok() || (!s.peers.empty() && name <= s.peers.rbegin()->first)) return bad("list of followed sites");
    HF_TRY(PeerPart part, PeerPart::decode(in));
    s.peers.emplace_hint(s.peers.end(), name, std::move(part));
  }
  if (!get_epochs(in, s)) return bad("list of epochs");
  if (!get_writes(in, s)) return bad("list of writes");
  if (!get_list_for_people(in, s)) return bad("list for people");
  HF_TRY(s.guard, guard::GuardState::decode(in));
  HF_TRY(s.incidents, incident::IncidentState::decode(in));
  if (!get_cuts(in, s.links_cut) || !in.at_end()) return bad("end");
  return s;
}

}  // namespace holdfast::fold
