// Protocol 12.2: a committed journal of every released version folds to its known hash, for ever. If this test fails,
// the change would make every journal in the field fold to another state: make a new kind of event, or a new version of
// the rules.
//
// Shape: test/data/journal-v1/journal.txt: "own ORIGIN" or "peer ORIGIN" begins a journal, each line after it is one
//        entry in hexadecimal; "state HASH" is the SHA-256 of the state that the own journals give, one after the
//        other. A version adds its own folder and leaves the others as they are. `test_fold
//        --gtest_also_run_disabled_tests --gtest_filter=Golden.DISABLED_write_v1` made the first.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "core/fold/test_events.h"
#include "core/fold/test_fold.h"

namespace holdfast::fold {
namespace {

using namespace testing;
constexpr std::size_t kinds_of_version_1 = 24;  // up to SubjectRead; later versions bring a folder of their own
constexpr const char* path = HF_SOURCE_DIR "/test/data/journal-v1/journal.txt";

struct Golden1 {
  Journals journals;
  std::vector<Origin> own;
  std::string state_hash;
};

Golden1 load() {
  Golden1 golden;
  std::ifstream in(path);
  std::string line;
  std::vector<Bytes>* entries = nullptr;
  while (std::getline(in, line)) {
    std::istringstream words(line);
    std::string first, second;
    words >> first >> second;
    if (first.empty() || first[0] == '#') continue;
    if (first == "own" || first == "peer") {
      const auto origin = parse_origin(second);
      if (!origin) ADD_FAILURE() << line;
      entries = &golden.journals[*origin];
      if (first == "own") golden.own.push_back(*origin);
    } else if (first == "state") {
      golden.state_hash = second;
    } else {
      const auto bytes = from_hex(first);
      if (!bytes || entries == nullptr) ADD_FAILURE() << line;
      entries->push_back(*bytes);
    }
  }
  return golden;
}

TEST(Golden, the_journal_of_version_1_folds_to_its_known_state) {
  const Golden1 golden = load();
  ASSERT_EQ(golden.own.size(), 2u) << "missing or damaged: " << path;
  ASSERT_EQ(golden.state_hash.size(), 64u);
  const auto state = replay(golden.journals, golden.own);
  ASSERT_TRUE(state) << state.error().text;
  EXPECT_EQ(to_hex(state->hash()), golden.state_hash);
}

TEST(Golden, it_holds_every_kind_of_event_and_each_is_written_today_as_it_was_then) {
  const Golden1 golden = load();
  std::set<std::string_view> kinds;
  for (const Origin& origin : golden.own) {
    for (const Bytes& entry : golden.journals.at(origin)) {
      const auto event = decode(entry);
      ASSERT_TRUE(event) << event.error().text;
      kinds.insert(kind_name(event->body));
      EXPECT_EQ(encode(*event)[0], entry) << kind_name(event->body);
    }
  }
  EXPECT_EQ(kinds.size(), kinds_of_version_1);
}

// ---- how it was made

// Two epochs of a store that meets everything there is.
void trade(Journals& journals, std::vector<Origin>& own) {
  namespace ct = chain::testing;
  const TillId till{3};
  Shop head(journals, "head-office"), warehouse(journals, "warehouse"), store(journals, "store-01");
  const auto must = [](const auto& result) { ASSERT_TRUE(result) << result.error().text; };
  catalogue::Product post = product("POST", 1'000'000, "Z");
  post.goods = false;
  catalogue::Product pen = product("A", 2'550'000);
  pen.gtin = "4006381333931";
  must(head.write(catalogue::ListProducts{{pen, product("B", 333'333, "R"), post}}));
  store.append({store.now(), {}, RulesAdopted{1}});
  store.follow(head);
  must(head.write(catalogue::ListProducts{{product("A", 9'000'000), product("D", 1)}}));
  must(head.write(catalogue::DelistProduct{Sku("POST")}));
  store.follow(head);
  must(store.write(AcceptHeld{{head.origin, store.state.peers.at(head.origin.site).held.begin()->first}}));
  const auto dispatch = warehouse.request(stock::Dispatch{SiteName("store-01"), {{Sku("A"), Quantity{5000}}}});
  must(warehouse.write(dispatch));
  store.follow(warehouse);
  must(store.write(stock::ReceiveDispatch{SiteName("warehouse"), {dispatch.key.bytes}, {{Sku("A"), Quantity{4000}}}}));
  must(store.write(stock::Receive{{{Sku("B"), Quantity{1500}}}, "note 7"}));
  must(store.write(stock::WriteOff{{{Sku("B"), Quantity{250}}}, "broken"}));
  must(store.write(stock::Count{{{Sku("A"), Quantity{4500}}, {Sku("C"), Quantity{0}}}}));
  must(store.write(stock::Dispatch{SiteName("store-02"), {{Sku("A"), Quantity{1000}}}}));
  const auto sale = store.write(
      till::RecordSale{till,
                       {line("A", 1000, 8'000'000), line("B", 2250, 333'333, "R"), open_line("X", 1000, 10'000)},
                       {card(800), cash(80)},
                       Money{4}},
      till);
  must(sale);
  must(store.write(till::Refund{till, *sale->receipt, {{1, Quantity{1000}}}, {cash(33)}, "spoilt"}, till));
  must(store.write(till::RefundNoReceipt{till, {line("A", 500, 9'000'000)}, {cash(450)}, "no bill"}, till));
  must(store.write(ReadSubject{{{std::byte{7}}}, "asked for her own data"}));
  store.append({store.now(), {}, ContradictionSeen{warehouse.origin, "note a\n", "note b\n"}});
  const chain::Certificate certificate = ct::make_certificate(store.chain, "store-02", 2, Instant{start_ns});
  const chain::Registration registration =
      chain::make_registration(certificate, {store.chain.chain, SiteName("store-02"), 1}, 9, Hash{},
                               ct::site_key("store-02", "log", 2).signer());
  store.append({store.now(), {}, EpochSealed{certificate.note}});
  store.append({store.now(), {}, RegistrationTaken{registration.note}});
  store.append(
      {store.now(),
       {},
       guard::AlertRaised{{"tripwire", "canary", 1, "", "a canary file was touched", Hash{}, Instant{start_ns}},
                          guard::Level::sealed,
                          "canary",
                          1}});
  store.append({store.now(),
                {},
                guard::PostureChanged{guard::Posture::sealed,
                                      guard::Cause::alert,
                                      {},
                                      "tripwire",
                                      "canary",
                                      "canary",
                                      "a canary file was touched"}});
  store.append({store.now(),
                {},
                guard::PostureChanged{
                    guard::Posture::open, guard::Cause::person, {{std::byte{4}}}, "", "", "", "a false alarm"}});
  // An event in pieces; two, though it is small, so that this file is.
  const Bytes whole = encode({store.now(), sample_write(), WriteListed{{}, "why", "{}"}})[0];
  const ByteView head_piece = ByteView(whole).first(50), rest = ByteView(whole).subspan(50);
  store.entries().push_back(encode({store.now(), {}, Part{0, false, to_bytes(head_piece)}})[0]);
  store.entries().push_back(encode({store.now(), {}, Part{1, true, to_bytes(rest)}})[0]);
  own.push_back(store.origin);
}

void trade_on(Journals& journals, std::vector<Origin>& own) {
  const TillId till{3};
  Shop next(journals, "store-01", 2), head(journals, "head-office", 2);
  next.state = *replay(journals, {own[0], next.origin});
  const auto must = [](const auto& result) { ASSERT_TRUE(result) << result.error().text; };
  Origin old_head = head.origin;
  old_head.epoch = 1;
  next.append({next.now(), {}, PeerSucceeded{old_head, 3, Hash{}, head.origin}});
  must(head.write(catalogue::ListProducts{{product("A", 2'600'000)}}));
  next.follow(head);
  auto again = next.request(till::RecordSale{till, {line("Gone", 1000, 1'000'000)}, {cash(100)}, {}}, till);
  again.prior = Prior{own[0], 99, Instant{start_ns + 77}, false};
  again.printed_receipt = ReceiptNumber{till, SeriesId{0x1001}, 9};
  must(next.write(again));
  again.key = key(70);
  must(next.write(again));  // its number is taken now
  again.key = key(71);
  std::get<till::RecordSale>(again.command).tenders = {cash(1)};
  again.body = "{\"kind\":\"sale\"}";
  must(next.write(again));  // cannot be told as its event
  must(next.write(CloseListed{listed_id({till, again.key}), "seen to"}));
  next.append(
      {next.now(), sample_write(), TailListed{{{std::byte{5}}}, {own[0], 101}, "why", Bytes(20, std::byte{2})}});
  // A store lists nothing, but a journal that did would be folded.
  next.append({next.now(), sample_write(8), catalogue::ProductsListed{{product("OWN", 5)}}});
  next.append({next.now(), sample_write(9), catalogue::ProductDelisted{Sku("OWN")}});
  own.push_back(next.origin);
}

TEST(Golden, DISABLED_write_v1) {
  ASSERT_FALSE(std::ifstream(path)) << "it is there, and a released journal never changes";
  Golden1 golden;
  trade(golden.journals, golden.own);
  trade_on(golden.journals, golden.own);
  const auto state = replay(golden.journals, golden.own);
  ASSERT_TRUE(state) << state.error().text;
  std::ofstream out(path);
  out << "# A journal of version 1 (golden_test.cc).\n";
  for (const auto& [origin, entries] : golden.journals) {
    const bool is_own = std::ranges::find(golden.own, origin) != golden.own.end();
    out << (is_own ? "own " : "peer ") << origin.text() << "\n";
    for (const Bytes& entry : entries) out << to_hex(entry) << "\n";
  }
  out << "state " << to_hex(state->hash()) << "\n";
}

}  // namespace
}  // namespace holdfast::fold
