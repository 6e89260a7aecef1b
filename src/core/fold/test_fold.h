// A site in memory for tests: its journal is a list of entries, each written as bytes and read back before it is
// applied. Nothing in the program includes this.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "core/chain/test_chain.h"
#include "core/fold/state.h"

namespace holdfast::fold::testing {

inline constexpr std::int64_t start_ns = 1'760'000'000'000'000'000;

// Journals that several sites read; one list of entries an origin.
using Journals = std::map<Origin, std::vector<Bytes>>;

class JournalReader : public OwnEntries, public PeerEntries {
 public:
  explicit JournalReader(const Journals& journals, Origin own = {}) : journals_(journals), own_(std::move(own)) {}
  Result<Event> read(std::uint32_t epoch, EntryIndex index) const override {
    Origin origin = own_;
    origin.epoch = epoch;
    return read_event(index, [&](EntryIndex i) -> Result<Bytes> {
      const auto it = journals_.find(origin);
      if (it == journals_.end() || i >= it->second.size()) return fail("test/missing", "no such entry");
      return it->second[i];
    });
  }
  Status scan(const Origin& origin, EntryIndex first, EntryIndex end,
              const std::function<Status(EntryIndex, ByteView)>& each) const override {
    const auto it = journals_.find(origin);
    for (EntryIndex i = first; i < end; ++i) {
      if (it == journals_.end() || i >= it->second.size() || i == unreadable_from)
        return fail("test/missing", "no such entry");
      HF_TRY_VOID(each(i, it->second[i]));
    }
    return {};
  }
  EntryIndex unreadable_from = ~0ull;

 private:
  const Journals& journals_;
  Origin own_;
};

// Folds a journal from entry 0, as a start without snapshot does.
inline Result<State> replay(const Journals& journals, const std::vector<Origin>& own) {
  State state;
  const JournalReader reader(journals);
  for (const Origin& origin : own) {
    Joiner joiner;
    const std::vector<Bytes>& entries = journals.at(origin);
    for (EntryIndex i = 0; i < entries.size(); ++i) {
      HF_TRY(const std::optional<Event> event, joiner.take(entries[i]));
      if (event) HF_TRY_VOID(apply(state, i, *event, reader));
    }
  }
  return state;
}

inline IdempotencyKey key(std::uint64_t n) {
  IdempotencyKey out;
  std::memcpy(out.bytes.data(), &n, 8);
  out.bytes[15] = std::byte{1};
  return out;
}

class Shop {
 public:
  Shop(Journals& journals, std::string_view site, std::uint32_t epoch = 1)
      : chain(chain::testing::small_chain()),
        origin{chain.chain, SiteName(site), epoch},
        journals_(journals),
        reader_(journals, origin) {
    append({now(), {}, EpochOpened{chain.chain, origin.site, epoch, "GBP", epoch == 1 ? "" : "registration"}});
    append({now(), {}, NodeStarted{SeriesId{0x1000 + epoch}, "test"}});
  }

  Instant now() const { return Instant{start_ns} + Duration{clock_ns}; }

  // Appends as a node does; every event must come back from its bytes as it was.
  EntryIndex append(const Event& event) {
    std::vector<Bytes>& entries = journals_[origin];
    for (Bytes& bytes : encode(event)) {
      EXPECT_LE(bytes.size(), 65'535u);
      entries.push_back(std::move(bytes));
    }
    const EntryIndex index = entries.size() - 1;
    const auto back = reader_.read(origin.epoch, index);
    EXPECT_TRUE(back) << (back ? "" : back.error().text);
    if (back) {
      EXPECT_EQ(*back, event) << kind_name(event.body);
    }
    const Status applied = apply(state, index, event, reader_);
    EXPECT_TRUE(applied) << (applied ? "" : applied.error().text);
    clock_ns += 1'000'000;
    return index;
  }

  WriteRequest request(Command command, TillId till = {}) {
    WriteRequest out;
    out.till = till;
    out.key = key(++keys_);
    const Hash who = sha256(as_bytes(origin.text()));  // keys are unique in the whole chain
    std::copy_n(who.begin(), 7, out.key.bytes.begin() + 8);
    out.staff.bytes[0] = std::byte{7};
    out.command = std::move(command);
    return out;
  }
  Result<Decided> ask(const WriteRequest& request) const {
    return decide(state, DecideContext{now(), chain, reader_}, request);
  }
  Result<Taken> write(const WriteRequest& request) {
    HF_TRY(const Decided decided, ask(request));
    if (decided.known) {
      HF_TRY(const Event event, reader_.read(decided.known->epoch, decided.known->index));
      return taken(state, event, decided.known->epoch, decided.known->index, true);
    }
    const EntryIndex index = append(*decided.event);
    return taken(state, *decided.event, origin.epoch, index, false);
  }
  Result<Taken> write(Command command, TillId till = {}) { return write(request(std::move(command), till)); }

  void follow(const Shop& peer, std::uint64_t size = ~0ull) {
    size = std::min<std::uint64_t>(size, journals_.at(peer.origin).size());
    const auto can = followable(state, peer.origin.site, peer.origin, size, chain, reader_);
    ASSERT_TRUE(can);
    append({now(), {}, PeerFollowed{{{peer.origin, size, Hash{}, can->beyond}}}});
  }
  std::uint64_t size() const { return journals_.at(origin).size(); }
  std::vector<Bytes>& entries() { return journals_[origin]; }
  Event read(EntryIndex index) const { return *reader_.read(origin.epoch, index); }
  JournalReader& reader() { return reader_; }

  chain::ChainFile chain;
  Origin origin;
  State state;
  std::int64_t clock_ns = 0;

 private:
  Journals& journals_;
  JournalReader reader_;
  std::uint64_t keys_ = 0;
};

inline catalogue::Product product(std::string_view sku, std::int64_t price_millionths, std::string_view vat = "S") {
  return {Sku(sku), "", "Product " + std::string(sku), UnitPrice{price_millionths}, VatCode(vat), true};
}
inline till::AskedLine line(std::string_view sku, std::int64_t thousandths, std::int64_t price_millionths,
                            std::string_view vat = "S") {
  return {Sku(sku), Quantity{thousandths}, UnitPrice{price_millionths}, VatCode(vat), "", false};
}
inline till::AskedLine open_line(std::string_view sku, std::int64_t thousandths, std::int64_t price_millionths) {
  return {Sku(sku), Quantity{thousandths}, UnitPrice{price_millionths}, VatCode("S"), "Open " + std::string(sku), true};
}
inline till::Tender cash(std::int64_t minor) { return {till::TenderKind::cash, Money{minor}, "", "", {}}; }
inline till::Tender card(std::int64_t minor) {
  return {till::TenderKind::card, Money{minor}, "tok-1", "**** 1234", till::CardResult::approved};
}

#define ASSERT_REFUSED(expression, expected_code)                               \
  do {                                                                          \
    const auto refused = (expression);                                          \
    ASSERT_FALSE(refused);                                                      \
    EXPECT_EQ(refused.error().code, expected_code) << refused.error().text;     \
    EXPECT_GE(refused.error().text.size(), 15u) << "says too little to act on"; \
  } while (false)

}  // namespace holdfast::fold::testing
