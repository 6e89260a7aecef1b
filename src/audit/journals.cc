#include "audit/journals.h"

#include <flatbuffers/flatbuffers.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "audit/notes.h"
#include "schema/events_generated.h"

namespace holdfast::audit {
namespace {

constexpr std::size_t block = 4096, header = 160;
constexpr std::size_t epochs_max = 10'000;  // that one journal continues

Sha256 pair_hash(const Sha256& left, const Sha256& right) {
  Bytes both(1, std::byte{1});
  both.insert(both.end(), left.begin(), left.end());
  both.insert(both.end(), right.begin(), right.end());
  return sha256_of(both);
}

// CRC-32C, reflected; eight bytes at a time, since every machine that starts has its whole disk looked at. Table k is
// what a byte comes to with k zeros behind it.
using CrcTables = std::array<std::array<std::uint32_t, 256>, 8>;
constexpr CrcTables crc_tables = [] {
  CrcTables out{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    out[0][i] = i;
    for (int k = 0; k < 8; ++k) out[0][i] = (out[0][i] >> 1) ^ (out[0][i] & 1 ? 0x82F63B78u : 0);
  }
  for (std::size_t k = 1; k < out.size(); ++k)
    for (std::uint32_t i = 0; i < 256; ++i) out[k][i] = (out[k - 1][i] >> 8) ^ out[0][out[k - 1][i] & 0xff];
  return out;
}();
std::uint32_t crc32c_of(ByteView bytes) {
  std::uint32_t crc = ~0u;
  for (; bytes.size() >= 8; bytes = bytes.subspan(8)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof word);
    word ^= crc;
    crc = 0;
    for (std::size_t k = 0; k < 8; ++k) crc ^= crc_tables[7 - k][(word >> (8 * k)) & 0xff];
  }
  for (const std::byte b : bytes) crc = (crc >> 8) ^ crc_tables[0][(crc ^ std::to_integer<std::uint32_t>(b)) & 0xff];
  return ~crc;
}

template <class T>
T at(ByteView bytes, std::size_t offset) {
  T out{};
  if (offset + sizeof out <= bytes.size()) std::memcpy(&out, bytes.data() + offset, sizeof out);
  return out;
}
bool has_magic(ByteView bytes, std::string_view magic) {
  return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

// A record whose two checksums hold, or nothing.
bool holds(ByteView record) { return at<std::uint32_t>(record, 68) == crc32c_of(record.subspan(header)); }
// One of which the header's holds, or nothing.
std::optional<ByteView> headed_at(ByteView segment, std::size_t offset) {
  if (offset + header > segment.size()) return std::nullopt;
  const ByteView head = segment.subspan(offset, header);
  if (!has_magic(head, "HFRECRD1") || at<std::uint32_t>(head, 156) != crc32c_of(head.first(156))) return std::nullopt;
  const auto payload = at<std::uint32_t>(head, 64);
  if (payload > segment.size() - offset - header) return std::nullopt;
  return segment.subspan(offset, header + payload);
}
std::optional<ByteView> record_at(ByteView segment, std::size_t offset) {
  const auto record = headed_at(segment, offset);
  return record && holds(*record) ? record : std::nullopt;
}

void take_entries(Journal& journal, ByteView payload) {
  for (std::size_t offset = 0; offset + 8 <= payload.size();) {
    const auto length = at<std::uint32_t>(payload, offset);
    if (length > payload.size() - offset - 8) return;
    const ByteView body = payload.subspan(offset + 8, length);
    journal.entries.emplace_back(body.begin(), body.end());
    offset += 8 + (length + 7) / 8 * 8;
  }
}

struct Reading {
  Journal journal;
  std::uint64_t next = 1;  // record number
  Sha256 before{};
};

void take_record(Reading& reading, ByteView record) {
  const auto kind = at<std::uint32_t>(record, 8);
  const auto first = at<std::uint64_t>(record, 56);
  Journal& j = reading.journal;
  if (kind == 1) take_entries(j, record.subspan(header));
  if (kind == 3 && first <= j.entries.size()) {
    const auto from = j.entries.begin() + static_cast<std::ptrdiff_t>(first);
    std::move(from, j.entries.end(), std::back_inserter(j.aside));
    j.entries.erase(from, j.entries.end());
  }
  ++reading.next;
  reading.before = sha256_of(record.first(header));
}

// Of a segment or a mend.
bool has_header(ByteView file) {
  return file.size() >= block && has_magic(file, "HFSEGMT1") &&
         at<std::uint32_t>(file, 4092) == crc32c_of(file.first(4092));
}

void take_origin(Reading& reading, ByteView file) {
  const auto length = at<std::uint32_t>(file, 96);
  if (reading.journal.origin.empty() && has_header(file) && length <= 500)
    reading.journal.origin.assign(reinterpret_cast<const char*>(file.data() + 100), length);
}

std::size_t extent_of(ByteView record) { return (record.size() + block - 1) / block * block; }

// Takes what follows. Records name the one before, so what cannot be read and lies between two that follow one another
// was none of the journal's but a copy of the first (format, "Opening").
void take_records(Reading& reading, ByteView segment, std::size_t offset) {
  while (offset < segment.size()) {
    const auto record = headed_at(segment, offset);
    const auto number = record ? at<std::uint64_t>(*record, 48) : 0;
    const bool follows = record && number == reading.next && holds(*record) &&
                         std::memcmp(record->data() + 104, reading.before.data(), reading.before.size()) == 0;
    const bool is_copy =
        record && number + 1 == reading.next && sha256_of(record->first(header)) == reading.before;  // read already
    if (follows) take_record(reading, *record);
    offset += follows || is_copy ? extent_of(*record) : block;
  }
}

// What stands in for records that do not hold any more, and where the journal goes on behind them.
struct Mend {
  std::uint64_t behind = 0;  // the number of the first record that it stands in for
  Sha256 before{};
  Bytes file;
  std::vector<ByteView> records;  // of it: the bridge, then commits
};

std::optional<Mend> mend_in(Bytes bytes) {
  Mend out;
  out.file = std::move(bytes);
  const ByteView file = out.file;
  if (!has_header(file)) return std::nullopt;
  out.behind = at<std::uint64_t>(file, 56);
  std::memcpy(out.before.data(), file.data() + 64, out.before.size());
  Reading chain;
  chain.next = out.behind;
  chain.before = out.before;
  for (std::size_t offset = block; offset < file.size();) {
    const auto record = record_at(file, offset);
    if (!record || at<std::uint64_t>(*record, 48) != chain.next ||
        std::memcmp(record->data() + 104, chain.before.data(), chain.before.size()) != 0)
      return std::nullopt;
    ++chain.next;
    chain.before = sha256_of(record->first(header));
    out.records.push_back(*record);
    offset += extent_of(*record);
  }
  const bool has_bridge = !out.records.empty() && at<std::uint32_t>(out.records[0], 8) == 4;
  return has_bridge && out.records[0].size() >= header + 56 ? std::optional(std::move(out)) : std::nullopt;
}

struct Directory {
  std::map<std::uint32_t, const Files::mapped_type*> segments;
  std::vector<Mend> mends;
};

// The mend's entries; where reading goes on.
std::pair<std::uint32_t, std::size_t> take_mend(Reading& reading, const Mend& mend) {
  const ByteView bridge = mend.records[0], sides = bridge.subspan(header);
  Journal& j = reading.journal;
  if (const auto first = at<std::uint64_t>(bridge, 56); first < j.entries.size()) {
    const auto from = j.entries.begin() + static_cast<std::ptrdiff_t>(first);
    std::move(from, j.entries.end(), std::back_inserter(j.aside));
    j.entries.erase(from, j.entries.end());
  }
  for (std::size_t i = 1; i < mend.records.size(); ++i) take_entries(j, mend.records[i].subspan(header));
  reading.next = at<std::uint64_t>(sides, 8);
  std::memcpy(reading.before.data(), sides.data() + 16, reading.before.size());
  return {at<std::uint32_t>(sides, 0), at<std::uint32_t>(sides, 4) * block};
}

// `bytes`: to read into; what is in it counts for nothing.
void take_directory(Reading& reading, const Directory& directory, Bytes& bytes) {
  std::size_t offset = block;
  for (auto segment = directory.segments.begin(); segment != directory.segments.end();) {
    (*segment->second)(bytes);
    take_origin(reading, bytes);
    take_records(reading, bytes, offset);
    const auto mend = std::ranges::find_if(
        directory.mends, [&](const Mend& m) { return m.behind == reading.next && m.before == reading.before; });
    offset = block;
    if (mend == directory.mends.end()) {
      ++segment;
      continue;
    }
    const auto [number, resume] = take_mend(reading, *mend);
    if (reading.next <= mend->behind) return;  // it would not end
    segment = directory.segments.lower_bound(number);
    if (segment != directory.segments.end() && segment->first == number) offset = resume;
  }
}

WriteId write_of(const fbs::Write& w) {
  WriteId out{w.till(), {}};
  if (w.key() != nullptr && w.key()->size() == 16) std::memcpy(out.key.bytes.data(), w.key()->data(), 16);
  return out;
}

void take_tenders(Fact& fact, const flatbuffers::Vector<flatbuffers::Offset<fbs::Tender>>* tenders, int sign) {
  if (tenders == nullptr) return;
  for (const fbs::Tender* t : *tenders) {
    if (t->result() != fbs::CardResult::Approved) continue;
    fact.tendered_minor += t->amount();
    (t->kind() == fbs::TenderKind::Cash ? fact.cash_minor : fact.card_minor) += sign * t->amount();
  }
}

void take_line(Fact& fact, const flatbuffers::String* sku, bool goods, std::int64_t quantity, std::int64_t amount) {
  fact.lines_minor += amount;
  if (goods && sku != nullptr && sku->size() > 0) fact.units[sku->str()] += quantity;
}

void take_sale(Fact& fact, const fbs::SaleRecorded& sale) {
  fact.kind = Fact::Kind::sale;
  fact.receipt = ReceiptNumber{TillId{sale.till()}, SeriesId{sale.series()}, sale.n()};
  fact.total_minor = sale.total();
  fact.change_minor = sale.change();
  take_tenders(fact, sale.tenders(), 1);
  fact.cash_minor -= sale.change();
  if (sale.lines() != nullptr)
    for (const fbs::SaleLine* l : *sale.lines()) take_line(fact, l->sku(), l->goods(), l->quantity(), l->amount());
}

// By a receipt or without one. What came back counts as what went out, with the sign turned; lines and tenders are
// positive.
void take_refund(Fact& fact, const auto& refund) {
  fact.kind = Fact::Kind::refund;
  fact.receipt = ReceiptNumber{TillId{refund.till()}, SeriesId{refund.series()}, refund.n()};
  fact.total_minor = refund.total();
  take_tenders(fact, refund.tenders(), -1);
  if (refund.lines() != nullptr)
    for (const auto* l : *refund.lines()) take_line(fact, l->sku(), l->goods(), -l->quantity(), l->amount());
}

using StockLines = flatbuffers::Vector<flatbuffers::Offset<fbs::StockLine>>;
void take_movement(Fact& fact, const StockLines* lines, int sign) {
  fact.kind = Fact::Kind::moved;
  if (lines == nullptr) return;
  for (const fbs::StockLine* l : *lines)
    if (l->sku() != nullptr) fact.units[l->sku()->str()] += sign * l->quantity();
}
void take_levels(Fact& fact, const StockLines* lines) {
  fact.kind = Fact::Kind::moved;
  if (lines == nullptr) return;
  for (const fbs::StockLine* l : *lines)
    if (l->sku() != nullptr) fact.levels[l->sku()->str()] = l->quantity();
}
void take_stock(Fact& fact, const fbs::Entry& entry) {
  const auto moved = [&](std::string_view how, const StockLines* lines, int sign) {
    fact.movement = how;
    take_movement(fact, lines, sign);
  };
  const auto name = [](const flatbuffers::String* site) { return site == nullptr ? std::string() : site->str(); };
  if (const auto* e = entry.body_as_StockReceived()) moved("received", e->lines(), -1);
  if (const auto* e = entry.body_as_StockWrittenOff()) moved("written off", e->lines(), 1);
  if (const auto* e = entry.body_as_StockDispatched()) {
    moved("dispatched", e->lines(), 1);
    fact.is_dispatch = true;
    fact.partner = name(e->to());
  }
  if (const auto* e = entry.body_as_StockCounted()) {
    fact.movement = "counted";
    take_levels(fact, e->lines());
  }
  if (const auto* e = entry.body_as_StockFed()) take_levels(fact, e->lines());
  if (const auto* e = entry.body_as_DispatchReceived()) {
    moved("arrived", e->lines(), -1);
    fact.partner = name(e->from());
    fact.arrival.emplace();
    if (e->dispatch() != nullptr && e->dispatch()->size() == 16)
      std::memcpy(fact.arrival->bytes.data(), e->dispatch()->data(), 16);
  }
}

void take_following(Fact& fact, const fbs::Entry& entry) {
  const auto prefix = [](const flatbuffers::String* origin, std::uint64_t size,
                         const flatbuffers::Vector<std::uint8_t>* root) {
    Prefix out{origin == nullptr ? std::string() : origin->str(), size, {}};
    if (root != nullptr && root->size() == out.root.size()) std::memcpy(out.root.data(), root->data(), root->size());
    return out;
  };
  if (const auto* e = entry.body_as_PeerFollowed(); e != nullptr && e->peers() != nullptr)
    for (const fbs::FollowedPrefix* p : *e->peers()) fact.followed.push_back(prefix(p->origin(), p->size(), p->root()));
  if (const auto* e = entry.body_as_PeerSucceeded())
    fact.succeeded = Succeeded{prefix(e->old_origin(), e->kept_size(), e->kept_root()),
                               e->new_origin() == nullptr ? std::string() : e->new_origin()->str()};
}

}  // namespace

Sha256 sha256_of(ByteView bytes) {
  Sha256 out;
  crypto_hash_sha256(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(bytes.data()),
                     bytes.size());
  return out;
}

std::map<std::string, Journal> read_journals(const Files& files) {
  Bytes bytes;
  std::map<std::string, Directory> directories;
  for (const auto& [path, read] : files) {
    const std::size_t slash = path.rfind('/');
    if (!path.starts_with("journals/") || !path.ends_with(".hfj")) continue;
    if (path.find(".damaged-") != std::string::npos) continue;  // put aside: nobody is given anything of it
    const std::string_view name = std::string_view(path).substr(slash + 1);
    std::uint32_t number = 0;
    std::from_chars(name.data() + name.find('-') + 1, name.data() + name.size(), number);
    Directory& directory = directories[path.substr(0, slash)];
    if (name.starts_with("seg-")) directory.segments.emplace(number, &read);
    if (!name.starts_with("mend-")) continue;
    read(bytes);
    if (auto mend = mend_in(bytes)) directory.mends.push_back(std::move(*mend));
  }
  std::map<std::string, Journal> out;
  for (const auto& [path, directory] : directories) {
    Reading reading;
    take_directory(reading, directory, bytes);
    if (reading.journal.origin.empty()) continue;
    const auto [journal, is_first] = out.try_emplace(reading.journal.origin);
    if (is_first)
      journal->second = std::move(reading.journal);
    else
      journal->second.beside.push_back(std::move(reading.journal.entries));
  }
  return out;
}

std::map<std::uint64_t, Sha256> roots_at(const std::vector<Bytes>& entries, const std::set<std::uint64_t>& sizes) {
  std::map<std::uint64_t, Sha256> out;
  std::vector<std::pair<std::uint64_t, Sha256>> peaks;  // leaves below, hash; from the left
  auto want = sizes.begin();
  if (want != sizes.end() && *want == 0) out.emplace(*want++, sha256_of({}));
  for (std::uint64_t size = 0; want != sizes.end() && size < entries.size();) {
    Bytes leaf(1, std::byte{0});
    leaf.insert(leaf.end(), entries[size].begin(), entries[size].end());
    peaks.emplace_back(1, sha256_of(leaf));
    while (peaks.size() > 1 && peaks[peaks.size() - 2].first == peaks.back().first) {
      auto& left = peaks[peaks.size() - 2];
      left = {2 * left.first, pair_hash(left.second, peaks.back().second)};
      peaks.pop_back();
    }
    if (++size != *want) continue;
    Sha256 root = peaks.back().second;
    for (std::size_t i = peaks.size() - 1; i-- > 0;) root = pair_hash(peaks[i].second, root);
    out.emplace(*want++, root);
  }
  return out;
}

void take_goods(Goods& goods, const Fact& fact) {
  for (const auto& [sku, price] : fact.prices) goods.prices[sku] = price;
  Shipment shipment{fact.partner, fact.units};
  if (fact.arrival)
    for (auto& [sku, units] : shipment.units) units = -units;
  if (fact.is_dispatch && fact.write) goods.dispatched.emplace(fact.write->key, shipment);
  if (fact.arrival && !goods.arrived.emplace(*fact.arrival, shipment).second) return;
  for (const auto& [sku, units] : fact.units) goods.on_hand[sku] -= units;
  for (const auto& [sku, level] : fact.levels) goods.on_hand[sku] = level;
}

std::optional<Fact> read_entry(ByteView bytes) {
  flatbuffers::Verifier verifier(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  if (!fbs::VerifyEntryBuffer(verifier)) return std::nullopt;
  const fbs::Entry& entry = *fbs::GetEntry(bytes.data());
  Fact fact;
  if (const fbs::Write* w = entry.write()) {
    fact.write = write_of(*w);
    fact.is_again = w->prior_origin() != nullptr && w->prior_origin()->size() > 0;
    if (fact.is_again) fact.prior_origin = w->prior_origin()->str();
    fact.prior_index = w->prior_index();
    if (w->printed_n() != 0)
      fact.printed = ReceiptNumber{TillId{w->printed_till()}, SeriesId{w->printed_series()}, w->printed_n()};
  }
  if (const auto* sale = entry.body_as_SaleRecorded()) take_sale(fact, *sale);
  if (const auto* refund = entry.body_as_RefundRecorded()) take_refund(fact, *refund);
  if (const auto* refund = entry.body_as_RefundWithoutReceipt()) take_refund(fact, *refund);
  if (const auto* listed = entry.body_as_ProductsListed(); listed != nullptr && listed->products() != nullptr)
    for (const fbs::Product* p : *listed->products())
      if (p->sku() != nullptr) fact.prices[p->sku()->str()] = p->unit_price();
  take_stock(fact, entry);
  take_following(fact, entry);
  if (const auto* opened = entry.body_as_EpochOpened()) {
    fact.kind = Fact::Kind::epoch_opened;
    if (opened->registration() != nullptr)
      fact.registration.assign(reinterpret_cast<const char*>(opened->registration()->data()),
                               opened->registration()->size());
  }
  if (const auto* started = entry.body_as_NodeStarted()) fact.series = started->series();
  if (entry.body_as_WriteListed() != nullptr) fact.kind = Fact::Kind::listed;
  if (const auto* listed = entry.body_as_TailListed()) {
    fact.kind = Fact::Kind::listed;
    if (listed->entry() != nullptr) {
      const Bytes inner(reinterpret_cast<const std::byte*>(listed->entry()->data()),
                        reinterpret_cast<const std::byte*>(listed->entry()->data()) + listed->entry()->size());
      flatbuffers::Verifier check(reinterpret_cast<const std::uint8_t*>(inner.data()), inner.size());
      if (fbs::VerifyEntryBuffer(check) && fbs::GetEntry(inner.data())->write() != nullptr)
        fact.write = write_of(*fbs::GetEntry(inner.data())->write());
    }
  }
  return fact;
}

std::optional<Continues> continued_by(const std::string& registration) {
  const auto field = [&](std::string_view name) -> std::string {
    const std::size_t found = registration.find("\n" + std::string(name) + " ");
    if (found == std::string::npos) return {};
    const std::size_t from = found + name.size() + 2;
    return registration.substr(from, registration.find('\n', from) - from);
  };
  Continues out{field("old"), 0};
  const std::string size = field("size");
  const auto [stop, error] = std::from_chars(size.data(), size.data() + size.size(), out.size);
  if (out.origin.empty() || error != std::errc() || stop != size.data() + size.size()) return std::nullopt;
  return out;
}

Lineage lineage_of(const std::map<std::string, Journal>& journals, std::string_view chain, std::string_view site) {
  const Journal* newest = nullptr;
  std::uint32_t epoch = 0;
  for (const auto& [origin, journal] : journals) {
    const auto parts = parts_of(origin, chain);
    if (!parts || parts->site != site || parts->epoch <= epoch || journal.entries.empty()) continue;
    epoch = parts->epoch;
    newest = &journal;
  }
  return newest == nullptr ? Lineage() : lineage_to(journals, newest->origin, newest->entries.size());
}

Lineage lineage_to(const std::map<std::string, Journal>& journals, const std::string& origin, std::uint64_t size) {
  Lineage out;
  out.newest = origin;
  std::vector<std::pair<std::string, std::uint64_t>> parts{{origin, size}};
  while (!parts.empty()) {
    const auto it = journals.find(parts.back().first);
    if (it == journals.end() || it->second.entries.size() < parts.back().second) {
      out.problem = parts.back().first + " is continued and not whole on this disk";
      return out;
    }
    out.kept.insert(parts.back());
    const auto opened = parts.back().second == 0 ? std::nullopt : read_entry(it->second.entries[0]);
    if (!opened || opened->registration.empty()) break;
    const auto older = continued_by(opened->registration);
    if (!older) {
      out.problem = parts.back().first + " does not say what it continues";
      return out;
    }
    if (older->size == 0 || parts.size() >= epochs_max) break;
    parts.emplace_back(older->origin, older->size);
  }
  out.parts.assign(parts.rbegin(), parts.rend());
  for (auto it = parts.rbegin(); it != parts.rend(); ++it) {
    const Journal& journal = journals.at(it->first);
    for (std::uint64_t i = 0; i < it->second; ++i) {
      auto fact = read_entry(journal.entries[i]);
      if (!fact) {
        out.problem = it->first + " has an entry that is none, at " + std::to_string(i);
        return out;
      }
      out.facts.push_back(std::move(*fact));
    }
  }
  return out;
}

}  // namespace holdfast::audit
