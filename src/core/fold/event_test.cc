#include "core/fold/event.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/fold/test_events.h"
#include "schema/events_generated.h"

namespace holdfast::fold {
namespace {

using namespace testing;

Event sale_of_lines(std::size_t lines) {
  Event event = sample_sale();
  auto& sale = std::get<till::SaleRecorded>(event.body);
  const till::SaleLine line = sale.lines[0];
  sale.lines.assign(lines, line);
  sale.total = Money{line.amount.minor * static_cast<std::int64_t>(lines)};
  sale.tenders = {{till::TenderKind::cash, sale.total, "", "", {}}};
  sale.change = {};
  return event;
}

TEST(Event, of_every_kind_comes_back_from_its_bytes_and_has_one_form) {
  std::set<std::size_t> kinds;
  for (const Event& event : samples()) {
    const std::vector<Bytes> entries = encode(event);
    ASSERT_EQ(entries.size(), 1u) << kind_name(event.body);
    EXPECT_EQ(entries, encode(event));
    const auto back = decode(entries[0]);
    ASSERT_TRUE(back) << kind_name(event.body) << ": " << back.error().text;
    EXPECT_EQ(*back, event) << kind_name(event.body);
    EXPECT_EQ(encode(*back), entries);
    kinds.insert(event.body.index());
  }
  EXPECT_EQ(kinds.size(), std::variant_size_v<Body>) << "a kind has no sample";
}

TEST(Event, kinds_have_the_names_of_the_schema) {
  for (const Event& event : samples()) {
    const Bytes bytes = encode(event)[0];
    const auto* entry = fbs::GetEntry(bytes.data());
    EXPECT_EQ(kind_name(event.body), fbs::EnumNameBody(entry->body_type()));
  }
}

TEST(Event, bytes_at_any_address_are_read) {
  const Event event = sample_sale();
  const Bytes bytes = encode(event)[0];
  for (std::size_t shift = 0; shift < 8; ++shift) {
    Bytes room(bytes.size() + 8);
    std::copy(bytes.begin(), bytes.end(), room.begin() + static_cast<std::ptrdiff_t>(shift));
    const auto back = decode(ByteView(room).subspan(shift, bytes.size()));
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, event);
  }
}

TEST(Event, a_sale_of_1114_lines_goes_in_parts_that_count_with_the_last) {
  const Event event = sale_of_lines(1114);
  const std::vector<Bytes> entries = encode(event);
  ASSERT_GT(entries.size(), 1u);
  Joiner joiner;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    EXPECT_LE(entries[i].size(), 65'535u);
    const auto taken = joiner.take(entries[i]);
    ASSERT_TRUE(taken) << taken.error().text;
    EXPECT_EQ(taken->has_value(), i + 1 == entries.size());
    EXPECT_EQ(joiner.in_the_middle(), i + 1 != entries.size());
    if (*taken) {
      EXPECT_EQ(**taken, event);
    }
  }
}

TEST(Event, is_read_by_the_index_of_its_last_part_and_by_no_other) {
  const Event small = sample_sale(), large = sale_of_lines(1114);
  std::vector<Bytes> journal = encode(small);
  for (Bytes& part : encode(large)) journal.push_back(std::move(part));
  const auto read = [&](EntryIndex i) {
    return read_event(i, [&](EntryIndex at) -> Result<Bytes> { return journal.at(at); });
  };
  EXPECT_EQ(*read(0), small);
  EXPECT_EQ(*read(journal.size() - 1), large);
  for (EntryIndex i = 1; i + 1 < journal.size(); ++i) EXPECT_FALSE(read(i));
  journal.erase(journal.begin() + 1);  // the first part is missing
  EXPECT_FALSE(read(journal.size() - 1));
}

TEST(Joiner, parts_out_of_order_are_dropped_whole_and_what_follows_is_read) {
  const Event large = sale_of_lines(2000), small = sample_sale();
  const std::vector<Bytes> parts = encode(large);
  ASSERT_GE(parts.size(), 3u);
  const Bytes whole = encode(small)[0];
  const auto all_events = [&](const std::vector<Bytes>& entries) {
    Joiner joiner;
    std::vector<Event> out;
    for (const Bytes& entry : entries)
      if (auto taken = joiner.take(entry); taken && *taken) out.push_back(**taken);
    return out;
  };
  const Bytes &a = parts[0], &b = parts[1], &last = parts.back();
  EXPECT_EQ(all_events({b, whole}), std::vector<Event>{small});
  EXPECT_EQ(all_events({a, a, whole, whole}), (std::vector<Event>{small, small}));
  EXPECT_EQ(all_events({a, last, whole}), std::vector<Event>{small});
  std::vector<Bytes> interrupted = {a, whole};
  interrupted.insert(interrupted.end(), parts.begin(), parts.end());
  EXPECT_EQ(all_events(interrupted), std::vector<Event>{large});
}

TEST(Decode, an_event_of_an_unknown_kind_needs_a_newer_version) {
  flatbuffers::FlatBufferBuilder b;
  const auto inner = fbs::CreateRulesAdopted(b, 1);
  b.Finish(fbs::CreateEntry(b, 1, 0, fbs::Body(200), inner.Union()));
  const auto event = decode({reinterpret_cast<const std::byte*>(b.GetBufferPointer()), b.GetSize()});
  ASSERT_FALSE(event);
  EXPECT_EQ(event.error().code, "fold/unknown_event");
  EXPECT_NE(event.error().text.find("newer version"), std::string::npos);
}

TEST(Decode, rules_beyond_the_known_ones_need_a_newer_version) {
  const auto event = decode(encode({Instant{1}, {}, RulesAdopted{rules_known + 1}})[0]);
  ASSERT_FALSE(event);
  EXPECT_EQ(event.error().code, "fold/unknown_event");
}

TEST(Decode, an_entry_that_says_nothing_is_refused) {
  flatbuffers::FlatBufferBuilder b;
  b.Finish(fbs::CreateEntry(b, 1));
  EXPECT_FALSE(decode({reinterpret_cast<const std::byte*>(b.GetBufferPointer()), b.GetSize()}));
  EXPECT_FALSE(decode({}));
  EXPECT_FALSE(decode(Bytes(8)));
  EXPECT_FALSE(decode(Bytes(65'535)));
}

template <class E>
void expect_bad(const Event& good, std::string_view why, const std::function<void(E&)>& spoil) {
  Event bad = good;
  spoil(std::get<E>(bad.body));
  const auto back = decode(encode(bad)[0]);
  ASSERT_FALSE(back) << why;
  EXPECT_EQ(back.error().code, "fold/bad_entry") << why;
}

TEST(Decode, each_semantic_check_refuses_what_it_is_there_for) {
  const auto good = [](std::string_view kind) {
    for (const Event& event : samples())
      if (kind_name(event.body) == kind) return event;
    return Event{};
  };
  const auto opened = good("EpochOpened");
  expect_bad<EpochOpened>(opened, "epoch 0", [](EpochOpened& e) { e.epoch = 0; });
  expect_bad<EpochOpened>(opened, "epoch 2 without registration", [](EpochOpened& e) {
    e.epoch = 2;
    e.registration.clear();
  });
  expect_bad<EpochOpened>(opened, "currency", [](EpochOpened& e) { e.currency = "XXX"; });
  expect_bad<EpochOpened>(opened, "site", [](EpochOpened& e) { e.site = SiteName("Store 1"); });
  expect_bad<EpochOpened>(opened, "chain", [](EpochOpened& e) { e.chain = ""; });
  expect_bad<NodeStarted>(good("NodeStarted"), "series 0", [](NodeStarted& e) { e.series = {}; });
  expect_bad<NodeStarted>(good("NodeStarted"), "series", [](NodeStarted& e) { e.series.bits = 1ull << 40; });
  expect_bad<Part>(good("Part"), "empty part", [](Part& e) { e.data.clear(); });
  const auto followed = good("PeerFollowed");
  expect_bad<PeerFollowed>(followed, "none", [](PeerFollowed& e) { e.peers.clear(); });
  expect_bad<PeerFollowed>(followed, "held order", [](PeerFollowed& e) { e.peers[0].held = {5, 5}; });
  expect_bad<PeerFollowed>(followed, "size", [](PeerFollowed& e) { e.peers[0].size = ~0ull; });
  expect_bad<PeerFollowed>(followed, "origin", [](PeerFollowed& e) { e.peers[0].origin.epoch = 0; });
  const auto succeeded = good("PeerSucceeded");
  expect_bad<PeerSucceeded>(succeeded, "older epoch", [](PeerSucceeded& e) { e.new_origin.epoch = 1; });
  expect_bad<PeerSucceeded>(succeeded, "other site", [](PeerSucceeded& e) { e.new_origin.site = SiteName("other"); });
  expect_bad<catalogue::ProductsListed>(good("ProductsListed"), "price",
                                        [](catalogue::ProductsListed& e) { e.products[0].unit_price = {-1}; });
  expect_bad<catalogue::ProductsListed>(good("ProductsListed"), "GTIN",
                                        [](catalogue::ProductsListed& e) { e.products[0].gtin = "123"; });
  expect_bad<stock::StockReceived>(good("StockReceived"), "quantity",
                                   [](stock::StockReceived& e) { e.lines[0].quantity = {0}; });
  expect_bad<stock::StockDispatched>(good("StockDispatched"), "to", [](stock::StockDispatched& e) { e.to = {}; });
  expect_bad<stock::DispatchReceived>(good("DispatchReceived"), "id",
                                      [](stock::DispatchReceived& e) { e.dispatch = {}; });
  const auto sale = good("SaleRecorded");
  expect_bad<till::SaleRecorded>(sale, "total", [](till::SaleRecorded& e) { ++e.total.minor; });
  expect_bad<till::SaleRecorded>(sale, "change", [](till::SaleRecorded& e) { ++e.change.minor; });
  expect_bad<till::SaleRecorded>(sale, "VAT", [](till::SaleRecorded& e) { e.lines[0].vat_amount = {9999}; });
  expect_bad<till::SaleRecorded>(sale, "n", [](till::SaleRecorded& e) { e.receipt.n = 0; });
  expect_bad<till::SaleRecorded>(sale, "name", [](till::SaleRecorded& e) { e.lines[0].name = "Caf\xe9"; });
  expect_bad<till::SaleRecorded>(sale, "open price", [](till::SaleRecorded& e) {
    e.lines[0].name.clear();
    e.lines[0].open_price = true;
  });
  expect_bad<till::RefundRecorded>(good("RefundRecorded"), "line",
                                   [](till::RefundRecorded& e) { e.lines[0].line = 5000; });
  expect_bad<till::RefundWithoutReceipt>(good("RefundWithoutReceipt"), "reason",
                                         [](till::RefundWithoutReceipt& e) { e.reason.clear(); });
}

TEST(Decode, times_writes_and_ids_are_checked) {
  Event event = sample_sale();
  event.at = Instant{-1};
  EXPECT_FALSE(decode(encode(event)[0])) << "before 1970";
  event = sample_sale();
  event.write.reset();
  EXPECT_FALSE(decode(encode(event)[0])) << "a sale that nobody asked for";
  flatbuffers::FlatBufferBuilder b;
  const std::uint8_t short_key[3] = {1, 2, 3};
  const auto key = b.CreateVector(short_key, 3);
  const auto write = fbs::CreateWrite(b, 1, key, key, key);
  const auto inner = fbs::CreateRulesAdopted(b, 1);
  b.Finish(fbs::CreateEntry(b, 1, write, fbs::Body::RulesAdopted, inner.Union()));
  EXPECT_FALSE(decode({reinterpret_cast<const std::byte*>(b.GetBufferPointer()), b.GetSize()})) << "ids of 3 bytes";
}

TEST(Decode, many_tables_in_few_bytes_are_refused_before_they_are_copied) {
  flatbuffers::FlatBufferBuilder b;
  const auto name = b.CreateString(std::string(200, 'n'));
  const auto product = fbs::CreateProduct(b, b.CreateString("A"), 0, name, 1, b.CreateString("S"), true);
  const std::vector<flatbuffers::Offset<fbs::Product>> same(100'000, product);
  const auto listed = fbs::CreateProductsListed(b, b.CreateVector(same));
  b.Finish(fbs::CreateEntry(b, 1, 0, fbs::Body::ProductsListed, listed.Union()));
  EXPECT_FALSE(decode({reinterpret_cast<const std::byte*>(b.GetBufferPointer()), b.GetSize()}));
}

RC_GTEST_PROP(DecodeProperty, damaged_bytes_are_refused_or_are_another_event_that_has_one_form, ()) {
  const std::vector<Event> all = samples();
  Bytes bytes = encode(all[*rc::gen::resize(100, rc::gen::inRange<std::size_t>(0, all.size()))])[0];
  const auto changes = *rc::gen::inRange(1, 6);
  for (int i = 0; i < changes; ++i) {
    const auto at = *rc::gen::resize(100, rc::gen::inRange<std::size_t>(0, bytes.size()));
    bytes[at] = *rc::gen::element(std::byte{0}, std::byte{1}, std::byte{0x7f}, std::byte{0x80}, std::byte{0xff},
                                  bytes[at] ^ std::byte{1}, bytes[at] ^ std::byte{0x10});
  }
  if (*rc::gen::inRange(0, 4) == 0) bytes.resize(*rc::gen::resize(100, rc::gen::inRange<std::size_t>(0, bytes.size())));
  const auto event = decode(bytes);
  RC_CLASSIFY(event.has_value(), "still an event");
  if (!event) return;
  const auto again = decode(encode(*event)[0]);
  RC_ASSERT(again.has_value());
  RC_ASSERT(*again == *event);
}

TEST(Decode, every_single_changed_byte_of_every_kind_is_survived) {
  std::size_t refused = 0, read = 0;
  for (const Event& event : samples()) {
    const Bytes good = encode(event)[0];
    for (std::size_t i = 0; i < good.size(); ++i) {
      for (const std::byte change : {std::byte{0x01}, std::byte{0x80}, std::byte{0xff}}) {
        Bytes bad = good;
        bad[i] ^= change;
        ++(decode(bad) ? read : refused);
      }
    }
  }
  EXPECT_GT(refused, 1000u);
  EXPECT_GT(read, 1000u) << "text and amounts have many right values";
}

}  // namespace
}  // namespace holdfast::fold
