// The auditor is awake: what it is lied to about, it finds.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "core/journal/log.h"
#include "core/sync/messages.h"
#include "sim/chain_test_support.h"
#include "sim/thief.h"
#include "sim/told.h"

namespace holdfast::sim {
namespace {

// A chain in trade whose store has sold, all of it cosigned.
void trade(Chain& chain) {
  start_all(chain);
  open_trade(chain);
  for (int i = 0; i < 10; ++i) {
    chain.sell(store_1, 1);
    chain.run_for(milliseconds(50));
  }
  chain.run_for(seconds(3));
  for (const chain::Site& site : chain.file().sites) chain.send_again(site.name);  // and tills hear that it is cosigned
}

TEST(Auditor, sees_nothing_wrong_where_nothing_is) {
  Chain chain(21, 2);
  trade(chain);
  settle(chain);
  for (const audit::Auditor::Count& count : chain.auditor().counts()) {
    const bool needs_no_fault =
        count.law == "acknowledged is kept" || count.law == "cosigned is kept" || count.law == "money and stock add up";
    EXPECT_TRUE(count.exercised > 0 || !needs_no_fault) << count.law;
  }
}

TEST(Auditor, auditor_catches_a_forged_reply) {
  Chain chain(21, 2);
  trade(chain);
  // A till is told "taken" for a sale that was never taken.
  fold::WriteRequest forged = chain.a_sale(store_1, 1);
  forged.key.bytes[3] = std::byte{7};
  fold::Taken reply = *chain.writes(store_1)[0].reply;
  reply.index += 1;
  reply.receipt.reset();
  chain.auditor().asked(store_1.str(), id_of(forged), asked_of(forged));
  chain.auditor().answered(store_1.str(), id_of(forged), answer_of("store-01", reply));
  EXPECT_EQ(chain.broken_law(), "") << "a reply alone is believed";
  chain.kill("store-01");
  ASSERT_TRUE(chain.start("store-01").has_value());
  EXPECT_NE(chain.broken_law().find("it is not on its disk"), std::string::npos) << chain.broken_law();
}

TEST(Auditor, a_number_printed_on_two_receipts_is_found) {
  Chain chain(21, 2);
  trade(chain);
  chain.auditor().answered(store_1.str(), id_of(chain.writes(store_1)[1].request),
                           answer_of("store-01", *chain.writes(store_1)[0].reply));
  EXPECT_NE(chain.broken_law().find("on two receipts"), std::string::npos) << chain.broken_law();
}

TEST(Auditor, an_entry_that_changes_on_a_disk_is_not_what_was_cosigned) {
  Chain chain(21, 2);
  trade(chain);
  ASSERT_EQ(chain.broken_at_rest(), "");
  // The same history, but one sale of it is another: as if somebody had rewritten disk and checksums.
  audit::Told told = told_by(chain.machine("store-01"), 0);
  audit::Journal journal = audit::read_journals(told.files).at(Origin{chain.file().chain, store_1, 1}.text());
  ASSERT_GT(journal.entries.size(), 5u);
  const auto honest = audit::roots_at(journal, {journal.entries.size()});
  journal.entries[4].back() ^= std::byte{1};
  EXPECT_NE(audit::roots_at(journal, {journal.entries.size()}), honest);
  EXPECT_EQ(to_hex(honest.begin()->second),
            to_hex(*chain.node("store-01").root_of({chain.file().chain, store_1, 1}, journal.entries.size())));
}

// What all pages say at rest, to be forged.
std::vector<audit::Told> all_told(Chain& chain) {
  std::vector<audit::Told> told;
  for (const chain::Site& site : chain.file().sites)
    told.push_back(told_by(chain.machine(chain.serving(site.name)), 0));
  return told;
}
audit::Told& of(std::vector<audit::Told>& told, const SiteName& site) {
  return *std::ranges::find(told, site.str(), &audit::Told::site);
}
// The law that is broken when the auditor is told so.
std::string broken_when_told(Chain& chain, const std::function<void(std::vector<audit::Told>&)>& forge) {
  EXPECT_EQ(chain.broken_at_rest(), "");
  std::vector<audit::Told> told = all_told(chain);
  forge(told);
  chain.auditor().at_rest(std::move(told));
  return chain.broken_law();
}

TEST(Auditor, a_page_that_says_another_sum_than_the_journal_is_found) {
  Chain chain(21, 2);
  trade(chain);
  const std::string law = broken_when_told(chain, [](auto& told) { of(told, store_1).gross_minor += 1; });
  EXPECT_NE(law.find("money and stock add up"), std::string::npos) << law;
}

TEST(Auditor, a_follower_that_says_more_than_it_follows_is_found) {
  Chain chain(21, 2);
  trade(chain);
  settle(chain);
  const std::string law =
      broken_when_told(chain, [](auto& told) { ++of(told, head_office).peers.at(store_1.str()).sales; });
  EXPECT_NE(law.find("a follower is the fold of what its journal names"), std::string::npos) << law;
}

// Goods that the warehouse has sent and the first store has unloaded, and a sale by card there.
void trade_goods(Chain& chain) {
  trade(chain);
  const std::vector<stock::Line> lines{{Sku("P1"), Quantity{5000}}, {Sku("P2"), Quantity{2000}}};
  const auto write = [&](const SiteName& site, fold::Command command) {
    const std::size_t number = chain.submit(site, {{}, {}, {}, {}, {}, std::move(command), {}, {}});
    chain.send_again(site);
    chain.run_for(seconds(1));
    EXPECT_TRUE(chain.writes(site)[number].reply.has_value());
    return chain.writes(site)[number].request.key;
  };
  write(warehouse, stock::Receive{lines, "delivery note"});
  const IdempotencyKey sent = write(warehouse, stock::Dispatch{store_1, lines});
  write(store_1, stock::ReceiveDispatch{warehouse, DispatchId{sent.bytes}, lines});
  write(store_1, stock::Count{lines});
  till::RecordSale sale = std::get<till::RecordSale>(chain.a_sale(store_1, 1, 1).command);
  const Money total = line_amount(sale.lines[0].unit_price, sale.lines[0].quantity, 2).value();
  sale.change = {};
  sale.tenders = {{till::TenderKind::card, total, "t-1", "**** 1234", till::CardResult::approved}};
  write(store_1, std::move(sale));
  settle(chain);
}

TEST(Auditor, each_thing_that_pages_say_of_goods_cards_and_prices_is_compared) {
  using Forge = std::function<void(std::vector<audit::Told>&)>;
  const auto peer = [](auto& told, const SiteName& at, const SiteName& site) -> audit::Told::Peer& {
    return of(told, at).peers.at(site.str());
  };
  const std::string_view follows = "a follower is the fold of what its journal names",
                         adds_up = "money and stock add up";
  const std::vector<std::pair<std::string_view, Forge>> forgeries = {
      {adds_up, [](auto& told) { of(told, store_1).card_minor += 1; }},
      {adds_up, [](auto& told) { of(told, store_1).on_hand["P1"] += 1000; }},
      {adds_up, [](auto& told) { of(told, store_1).arrived.begin()->second.units["P1"] += 1000; }},
      {adds_up, [](auto& told) { of(told, warehouse).dispatched.begin()->second.partner = "store-02"; }},
      {adds_up, [](auto& told) { of(told, head_office).prices["P1"] += 10'000; }},
      {follows, [&](auto& told) { peer(told, store_1, head_office).prices["P1"] += 10'000; }},
      {follows, [&](auto& told) { peer(told, store_1, head_office).prices["P99"] = 10'000; }},
      {follows, [&](auto& told) { peer(told, store_1, head_office).held = 1; }},
      {follows, [&](auto& told) { peer(told, store_1, warehouse).dispatched.clear(); }},
      {follows, [&](auto& told) { peer(told, store_1, warehouse).on_hand["P1"] += 1000; }},
      {follows, [&](auto& told) { peer(told, warehouse, store_1).arrived.begin()->second.units["P2"] = 1000; }},
      {follows, [&](auto& told) { of(told, store_1).peers["store-02"].prices["P1"] = 10'000; }},
  };
  for (std::size_t i = 0; i < forgeries.size(); ++i) {
    Chain chain(21, 2);
    trade_goods(chain);
    (void)broken_when_told(chain, forgeries[i].second);
    EXPECT_NE(chain.auditor().broken_of(forgeries[i].first), "") << "forgery " << i;
  }
}

// Who has heard nothing, and knows what was asked for, or something else.
using ForgeAsked = std::function<void(const SiteName&, audit::Asked&)>;
audit::Auditor deaf_auditor(
    Chain& chain, const ForgeAsked& forge = [](const SiteName&, audit::Asked&) {}) {
  audit::Auditor deaf(facts_of(chain.file()));
  for (const auto& [name, m] : chain.machines()) deaf.knows(facts_of(chain.file().chain, *m));
  for (const chain::Site& site : chain.file().sites)
    for (const TillWrite& w : chain.writes(site.name)) {
      audit::Asked asked = asked_of(w.request);
      forge(site.name, asked);
      deaf.asked(site.name.str(), id_of(w.request), asked);
    }
  return deaf;
}
// This disk with other entries in one of its journals.
audit::Files with_entries(audit::Files files, const Origin& origin, const std::vector<Bytes>& entries) {
  SimDisk disk(Random(1));
  SerialExecutor executor;
  {
    const auto log = journal::Log::open(disk, executor, origin);
    EXPECT_TRUE(log.has_value());
    for (const Bytes& entry : entries) (*log)->append(entry);
    EXPECT_TRUE((*log)->commit().has_value());
  }
  std::erase_if(files, [&](const auto& file) { return file.first.starts_with(journal::Log::directory(origin) + "/"); });
  files.merge(files_of(disk));
  return files;
}

TEST(Auditor, each_thing_that_was_asked_for_is_compared) {
  Chain chain(21, 2);
  trade_goods(chain);
  const std::string_view law = "money and stock add up";
  audit::Auditor told_right = deaf_auditor(chain);
  told_right.at_rest(all_told(chain));
  EXPECT_EQ(told_right.broken_of(law), "");
  const auto where = [](std::string_view movement, const std::function<void(audit::Asked&)>& forge) {
    return [=](const SiteName&, audit::Asked& asked) {
      if (asked.movement == movement) forge(asked);
    };
  };
  const std::vector<ForgeAsked> forgeries = {
      [](const SiteName&, audit::Asked& a) { std::swap(a.cash_minor, a.card_minor); },
      [](const SiteName&, audit::Asked& a) {
        if (!a.prices.empty()) a.prices["P1"] += 10'000;
      },
      where("received", [](audit::Asked& a) { a.units["P2"] += 1000; }),
      where("counted", [](audit::Asked& a) { a.levels["P1"] += 1000; }),
      where("dispatched", [](audit::Asked& a) { a.movement = "written off"; }),
      where("dispatched", [](audit::Asked& a) { a.partner = "store-02"; }),
      where("arrived", [](audit::Asked& a) { a.partner = "store-02"; }),
      where("arrived", [](audit::Asked& a) { a.arrival = IdempotencyKey{}; }),
  };
  for (std::size_t i = 0; i < forgeries.size(); ++i) {
    audit::Auditor told_wrong = deaf_auditor(chain, forgeries[i]);
    told_wrong.at_rest(all_told(chain));
    EXPECT_NE(told_wrong.broken_of(law), "") << "forgery " << i;
  }
}

TEST(Auditor, a_number_that_is_skipped_in_a_series_of_a_whole_machine_is_found_though_it_is_named) {
  Chain chain(21, 3);
  (void)start_on_second_machine(chain);
  settle(chain);
  const Origin origin{chain.file().chain, store_1, 2};
  (void)broken_when_told(chain, [&](auto& told) {
    audit::Told& store = of(told, store_1);
    std::vector<Bytes> entries = audit::read_journals(store.files).at(origin.text()).entries;
    const auto sale = std::ranges::find_if(entries, [](const Bytes& entry) {
      const auto fact = audit::read_entry(entry);
      return fact && fact->kind == audit::Fact::Kind::sale && !fact->is_again && fact->receipt->n == 2;
    });
    ASSERT_NE(sale, entries.end());
    store.missing.push_back(*audit::read_entry(*sale)->receipt);
    entries.erase(sale);
    store.files = with_entries(store.files, origin, entries);
  });
  // Another law misses the sale, too.
  EXPECT_NE(chain.auditor().broken_of("receipts repeat no number and skip none").find("has lost nothing"),
            std::string::npos);
}

// A person may take it for settled, and the goods are gone.
TEST(Auditor, a_sale_that_is_put_on_the_list_and_not_taken_is_found) {
  Chain chain(21, 2);
  trade(chain);
  settle(chain);
  const TillWrite& sale = chain.writes(store_1)[0];
  const Origin origin{chain.file().chain, store_1, 1};
  (void)broken_when_told(chain, [&](auto& told) {
    audit::Told& store = of(told, store_1);
    std::vector<Bytes> entries = audit::read_journals(store.files).at(origin.text()).entries;
    fold::WriteInfo write;
    write.till = sale.request.till;
    write.key = sale.request.key;
    entries.at(sale.reply->index) =
        fold::encode({chain.now(), write, fold::WriteListed{fold::ListedId{}, "till/unknown_sku", ""}}).at(0);
    store.files = with_entries(store.files, origin, entries);
  });
  EXPECT_NE(chain.auditor().broken_of("acknowledged is kept").find("listed and not taken"), std::string::npos);
}

TEST(Auditor, a_printed_number_that_its_entry_does_not_have_is_found) {
  Chain chain(21, 2);
  trade(chain);
  settle(chain);
  const TillWrite& sale = chain.writes(store_1)[0];
  audit::Answer answer = answer_of("store-01", *sale.reply);
  audit::Auditor told_right = deaf_auditor(chain);
  told_right.answered(store_1.str(), id_of(sale.request), answer);
  told_right.at_rest(all_told(chain));
  EXPECT_EQ(told_right.broken_of("receipts repeat no number and skip none"), "");
  answer.receipt->n += 1000;
  audit::Auditor told_wrong = deaf_auditor(chain);
  told_wrong.answered(store_1.str(), id_of(sale.request), answer);
  told_wrong.at_rest(all_told(chain));
  EXPECT_NE(told_wrong.broken_of("receipts repeat no number and skip none").find("has printed the number"),
            std::string::npos);
}

TEST(Auditor, sales_of_a_site_at_which_nobody_has_asked_for_anything_are_found) {
  Chain chain(21, 2);
  trade(chain);
  settle(chain);
  audit::Auditor deaf(facts_of(chain.file()));
  for (const auto& [name, m] : chain.machines()) deaf.knows(facts_of(chain.file().chain, *m));
  deaf.at_rest(all_told(chain));
  EXPECT_NE(deaf.broken_of("money and stock add up").find("that nobody asked for"), std::string::npos);
}

TEST(Auditor, a_cut_is_counted_when_both_ends_have_spoken_since) {
  Chain chain(21, 2);
  trade(chain);
  const auto counted = [&] {
    const auto counts = chain.auditor().counts();
    return std::ranges::find(counts, "a cut link passes nothing", &audit::Auditor::Count::law)->exercised;
  };
  const std::int64_t now = chain.now().unix_ns;
  const Bytes question = sync::encode(sync::Have{{chain.file().chain, store_1, 1}, 0, 0});
  chain.auditor().cut("warehouse", "store-01", now);
  chain.auditor().heard({"store-01", "warehouse", now, now}, question);
  EXPECT_EQ(chain.broken_law(), "") << "it was sent before";
  chain.auditor().heard({"store-01", "head-office", now + 1, now + 1}, question);
  EXPECT_EQ(counted(), 0u) << "the other end may be off";
  chain.auditor().heard({"warehouse", "head-office", now + 1, now + 1}, question);
  EXPECT_EQ(counted(), 1u);
  chain.auditor().heard({"store-01", "warehouse", now + 1, now + 1}, question);
  EXPECT_NE(chain.broken_law().find("that warehouse has cut"), std::string::npos) << chain.broken_law();
}

TEST(Auditor, a_greeting_by_who_has_cut_the_link_is_found_unless_he_cannot_know_whom_he_greets) {
  Chain chain(21, 3);
  const std::string second = start_on_second_machine(chain);
  const std::int64_t now = chain.now().unix_ns;
  const auto greets = [&](const std::string& from, const std::string& to) {
    chain.auditor().heard({from, to, now + 1, now + 1}, sync::encode(sync::Hello{chain.file().chain, {}, 1, {}, {}}));
  };
  chain.auditor().cut("warehouse", "store-01", now);
  chain.auditor().cut("warehouse", "store-02", now);
  greets("warehouse", second);
  greets("store-02", "warehouse");
  EXPECT_EQ(chain.broken_law(), "");
  greets("warehouse", "store-02");
  EXPECT_NE(chain.broken_law().find("that warehouse has cut"), std::string::npos) << chain.broken_law();
}

// Each PeerFollowed goes to everybody who follows its site: two would write for ever.
TEST(Auditor, a_follower_that_names_what_does_nothing_but_name_others_is_found) {
  Chain chain(21, 2);
  trade(chain);
  settle(chain);
  const Origin here{chain.file().chain, store_1, 1}, there{chain.file().chain, head_office, 1};
  (void)broken_when_told(chain, [&](auto& told) {
    audit::Told& store = of(told, store_1);
    auto journals = audit::read_journals(store.files);
    std::vector<Bytes> mine = journals.at(here.text()).entries, theirs = journals.at(there.text()).entries;
    const std::uint64_t size = theirs.size();
    mine.push_back(
        fold::encode(
            {chain.now(), {}, fold::PeerFollowed{{{there, size, *chain.node("store-01").root_of(there, size)}}}})
            .at(0));
    theirs.push_back(fold::encode({chain.now(), {}, fold::PeerFollowed{{{here, 1, {}}}}}).at(0));
    const Hash root = audit::roots_at(theirs, {size + 1}).at(size + 1);
    mine.push_back(fold::encode({chain.now(), {}, fold::PeerFollowed{{{there, size + 1, root}}}}).at(0));
    store.files = with_entries(with_entries(store.files, there, theirs), here, mine);
  });
  EXPECT_NE(
      chain.auditor().broken_of("a follower is the fold of what its journal names").find("nothing but name others"),
      std::string::npos);
}

TEST(Auditor, trade_on_a_page_of_a_site_that_is_not_followed_is_found) {
  Chain chain(21, 2);
  trade(chain);
  settle(chain);
  const std::string law = broken_when_told(chain, [](auto& told) {
    of(told, store_1).peers["store-02"] = {{}, 1, 100};
  });
  EXPECT_NE(law.find("its journal follows nothing of it"), std::string::npos) << law;
}

// By who has heard no note that is cosigned.
TEST(Auditor, what_is_followed_and_was_not_cosigned_is_found) {
  Chain chain(21, 2);
  trade(chain);
  settle(chain);
  audit::Auditor deaf = deaf_auditor(chain);
  deaf.at_rest(all_told(chain));
  EXPECT_NE(deaf.broken().find("0 of it were cosigned, and 0 kept"), std::string::npos) << deaf.broken();
}

TEST(Auditor, a_write_that_is_left_without_an_answer_is_found) {
  Chain chain(21, 2);
  trade(chain);
  settle(chain);
  const std::string law = broken_when_told(chain, [](auto& told) { of(told, store_1).unanswered = 1; });
  EXPECT_NE(law.find("all is well at the end"), std::string::npos) << law;
}

TEST(Auditor, a_report_that_forges_what_was_lost_is_found) {
  using Report = audit::Told::Report;
  const std::vector<std::function<void(Report&)>> forgeries = {
      [](Report& r) { r.known_lost += 1000; },
      [](Report& r) { r.kept -= 1; },
      [](Report& r) { r.announced = r.kept + 1'000'000; },
      [](Report& r) {
        r.announced.reset();
        r.known_lost = 0;
      },
  };
  for (const auto& forge : forgeries) {
    Chain chain(21, 3);
    trade(chain);
    chain.destroy("store-01");
    ASSERT_TRUE(chain.start(chain.rebuild(store_1)).has_value());
    chain.run_for(seconds(10));
    settle(chain);
    const std::string law = broken_when_told(chain, [&](auto& told) { forge(*of(told, store_1).report); });
    EXPECT_NE(law.find("known lost is lost"), std::string::npos) << law;
  }
}

TEST(Auditor, a_rebuilt_site_without_a_report_is_found) {
  Chain chain(21, 3);
  (void)start_on_second_machine(chain);
  settle(chain);
  const std::string law = broken_when_told(chain, [](auto& told) { of(told, store_1).report.reset(); });
  EXPECT_NE(law.find("has been rebuilt, and has no report"), std::string::npos) << law;
}

TEST(Auditor, what_one_mirror_has_signed_is_not_cosigned) {
  Chain chain(21, 2);
  trade(chain);
  // The store's own checkpoint, called cosigned by it, and nobody has.
  std::string offered;
  chain.network.tap = [&](const std::string& from, const std::string&, ByteView bytes) {
    const auto message = sync::decode(bytes);
    if (from != "store-01" || !message) return;
    if (const auto* offer = std::get_if<sync::Offer>(&*message)) offered = offer->note;
  };
  chain.sell(store_1, 1);
  chain.run_for(seconds(1));
  ASSERT_NE(offered, "");
  ASSERT_EQ(chain.broken_law(), "");
  const Bytes boast = sync::encode(sync::Cosigned{offered});
  const std::int64_t now = chain.now().unix_ns;
  chain.auditor().heard({"store-01", "warehouse", now, now}, boast);
  EXPECT_NE(chain.broken_law().find("0 mirrors have signed them"), std::string::npos) << chain.broken_law();
}

// What the keys of store-01 and of these mirrors can sign together: a history of that store that nobody has written.
std::string forged_history(Chain& chain, std::string_view history, const std::vector<std::string>& mirrors,
                           std::uint64_t size = 1'000'000) {
  const journal::Checkpoint checkpoint{{chain.file().chain, store_1, 1}, size, sha256(as_bytes(history))};
  const auto by = [&](const std::string& machine, KeyUse use) {
    return [&chain, machine, use](ByteView text) { return chain.machine(machine).signer->sign(use, text); };
  };
  journal::Note note = journal::sign_checkpoint(checkpoint, chain.machine("store-01").signer->public_key(KeyUse::log),
                                                by("store-01", KeyUse::log))
                           .note;
  for (const std::string& mirror : mirrors)
    note.signatures.push_back(journal::cosign(
        checkpoint, journal::cosigner_name(chain.file().chain, chain.machine(mirror).site),
        chain.machine(mirror).signer->public_key(KeyUse::cosign), chain.now(), by(mirror, KeyUse::cosign)));
  return journal::to_text(note);
}
void calls_cosigned(Chain& chain, const std::string& who, const std::string& note) {
  const std::int64_t now = chain.now().unix_ns;
  chain.auditor().heard({who, "warehouse", now, now}, sync::encode(sync::Cosigned{note}));
}

TEST(Auditor, two_cosigned_histories_are_found_though_a_thief_alone_shows_them) {
  Chain chain(21, 2);
  trade(chain);
  Thief thief(chain, chain.machine("store-01"));
  calls_cosigned(chain, thief.name(), forged_history(chain, "one", {"head-office", "warehouse"}));
  EXPECT_EQ(chain.broken_law(), "");
  calls_cosigned(chain, thief.name(), forged_history(chain, "another", {"head-office"}));
  EXPECT_EQ(chain.broken_law(), "") << "he may call cosigned what is not";
  calls_cosigned(chain, thief.name(), forged_history(chain, "another", {"head-office", "store-02"}));
  EXPECT_NE(chain.broken_law().find("disagree at 1000000"), std::string::npos) << chain.broken_law();
}

TEST(Auditor, what_a_thief_has_called_cosigned_before_is_looked_at_when_another_calls_it_so) {
  Chain chain(21, 2);
  trade(chain);
  Thief thief(chain, chain.machine("store-01"));
  const std::string note = forged_history(chain, "one", {"head-office"});
  calls_cosigned(chain, thief.name(), note);
  ASSERT_EQ(chain.broken_law(), "");
  calls_cosigned(chain, "store-01", note);
  EXPECT_NE(chain.broken_law().find("1 mirrors have signed them"), std::string::npos) << chain.broken_law();
}

TEST(Auditor, a_started_node_that_signs_less_than_was_cosigned_is_found) {
  Chain chain(21, 2);
  trade(chain);
  chain.kill("store-01");
  ASSERT_TRUE(comes_to_sign(chain, "store-01"));
  ASSERT_EQ(chain.broken_law(), "");
  const std::int64_t now = chain.now().unix_ns;
  chain.auditor().heard({"store-01", "warehouse", now, now},
                        sync::encode(sync::Offer{forged_history(chain, "less", {}, 1)}));
  EXPECT_NE(chain.broken_law().find("were cosigned before"), std::string::npos) << chain.broken_law();
}

TEST(Auditor, a_mirror_that_holds_other_entries_than_it_has_signed_is_found) {
  Chain chain(21, 2);
  trade(chain);
  const auto signs = [&](const std::string& note) {
    const journal::Note parsed = *journal::parse_note(note);
    const journal::Checkpoint checkpoint = *journal::parse_checkpoint(parsed.text);
    const std::string name = journal::cosigner_name(chain.file().chain, warehouse);
    for (const journal::NoteSignature& signature : parsed.signatures) {
      const std::int64_t now = chain.now().unix_ns;
      if (signature.name == name)
        chain.auditor().heard({"warehouse", "store-01", now, now},
                              sync::encode(sync::Cosignature{checkpoint.origin, checkpoint.size, signature}));
    }
  };
  Thief thief(chain, chain.machine("store-01"));
  const std::string forged = forged_history(chain, "one", {"warehouse"}, 3);
  // What he makes of stolen keys is not the mirror's; if it has signed it, it is.
  for (const bool has_signed : {false, true}) {
    if (has_signed) signs(forged);
    calls_cosigned(chain, thief.name(), forged);
    chain.kill("warehouse");
    ASSERT_TRUE(chain.start("warehouse").has_value());
    EXPECT_EQ(chain.broken_law().find("has signed the first 3 entries") != std::string::npos, has_signed)
        << chain.broken_law();
  }
}

TEST(Auditor, an_offer_of_an_epoch_after_the_one_that_was_registered_is_found) {
  Chain chain(21, 3);
  const std::string second = start_on_second_machine(chain);
  ASSERT_EQ(chain.broken_law(), "");
  const auto offers = [&](std::uint32_t epoch) {
    SimSigner& signer = *chain.machine(second).signer;
    const journal::Checkpoint checkpoint{{chain.file().chain, store_1, epoch}, 5, sha256(as_bytes("five"))};
    const auto note = journal::sign_checkpoint(checkpoint, signer.public_key(KeyUse::log), [&](ByteView text) {
                        return signer.sign(KeyUse::log, text);
                      }).note;
    const std::int64_t now = chain.now().unix_ns;
    chain.auditor().heard({second, "warehouse", now, now}, sync::encode(sync::Offer{journal::to_text(note)}));
  };
  offers(2);
  EXPECT_EQ(chain.broken_law(), "");
  offers(3);
  EXPECT_NE(chain.broken_law().find("0 mirrors have registered"), std::string::npos) << chain.broken_law();
}

TEST(Auditor, what_a_thief_says_is_held_against_nobody_and_what_others_make_of_it_is) {
  Chain chain(21, 2);
  trade(chain);
  Thief thief(chain, chain.machine("warehouse"));
  const std::int64_t now = chain.now().unix_ns;
  // A cosignature by a thief with a mirror's keys, of more than that mirror holds; and the same by the mirror itself.
  const Origin origin{chain.file().chain, store_1, 1};
  const Bytes lie = sync::encode(sync::Cosignature{origin, 1'000'000, {"x", 1, Bytes(72)}});
  for (const auto& [from, law] : {std::pair(thief.name(), ""), std::pair(std::string("warehouse"), "a mirror holds")}) {
    chain.auditor().heard({from, "store-01", now, now}, lie);
    chain.kill("warehouse");
    ASSERT_TRUE(chain.start("warehouse").has_value());
    EXPECT_EQ(chain.broken_law().substr(0, std::string_view(law).size()), law);
    EXPECT_EQ(chain.broken_law().empty(), std::string_view(law).empty());
  }
}

}  // namespace
}  // namespace holdfast::sim
