// Certificates that a later chain file takes back: one that it revokes, before and after its machine was registered
// (protocol 5.4, 10.2), and those of recovery keys that it replaces (9.1).
#include <gtest/gtest.h>

#include "sim/spare_test_support.h"

namespace holdfast::sim {
namespace {

// It has opened the store and then it was stolen. What it sold stays sold, and nobody's link ends of it.
TEST(RevokedSpare, that_is_revoked_after_it_was_registered_is_followed_by_a_machine_that_goes_on_from_it) {
  Chain chain(30, 3);
  const std::string spare = start_with_spare(chain);
  chain.destroy("store-01");
  ASSERT_TRUE(chain.promote(spare).has_value());
  ASSERT_TRUE(comes_to_sign(chain, spare));
  for (int i = 0; i < 10; ++i) chain.sell(store_1, 1);
  chain.run_for(seconds(3));
  chain.destroy(spare);
  chain.revoke(store_1, 2);
  restart(chain, {"head-office", "warehouse", "store-02", "store-03"});
  chain.run_for(seconds(5));
  const std::string third = chain.rebuild(store_1);
  ASSERT_TRUE(comes_to_sign(chain, third));
  EXPECT_EQ(chain.node(third).recovery()->old_origin.epoch, 2u);
  expect_all_here(chain, store_1, third);
  chain.destroy("head-office");  // and in whose journal the registration stands
  const std::string office = chain.rebuild(head_office);
  ASSERT_TRUE(comes_to_sign(chain, office));
  settle(chain);
}

TEST(RevokedSpare, that_is_revoked_before_it_is_promoted_is_let_in_nowhere) {
  Chain chain(31, 3);
  const std::string spare = start_with_spare(chain);
  chain.destroy("store-01");
  chain.revoke(store_1, 2);
  restart(chain, {"head-office", "warehouse", "store-02", "store-03"});
  const auto promoted = chain.promote(spare);
  chain.run_for(seconds(90));
  EXPECT_FALSE(chain.machine(spare).node && is_signing(chain, spare));
  for (const std::string mirror : {"head-office", "warehouse", "store-02"})
    EXPECT_FALSE(chain.node(mirror).state().epochs.contains(store_1)) << mirror;
  if (promoted) chain.kill(spare);
  chain.destroy(spare);
  const std::string third = chain.rebuild(store_1);
  ASSERT_TRUE(comes_to_sign(chain, third));
  settle(chain);
}

// And who was away while the revoked one was registered still holds what its successor goes on from.
TEST(Revoked, that_was_a_rebuilt_machine_is_mirrored_by_who_was_away_meanwhile) {
  Chain chain(37, 3);
  start_trade(chain);
  chain.kill("store-02");
  chain.destroy("store-01");
  const std::string second = chain.rebuild(store_1);
  ASSERT_TRUE(comes_to_sign(chain, second));
  for (int i = 0; i < 10; ++i) chain.sell(store_1, 1);
  chain.run_for(seconds(3));
  chain.destroy(second);
  chain.revoke(store_1, 2);
  restart(chain, {"head-office", "warehouse", "store-03"});
  ASSERT_TRUE(chain.start("store-02").has_value());
  chain.run_for(seconds(3));
  const std::string third = chain.rebuild(store_1);
  ASSERT_TRUE(comes_to_sign(chain, third));
  EXPECT_EQ(chain.node(third).recovery()->old_origin.epoch, 2u);
  settle(chain);
  EXPECT_EQ(held_at(chain, "store-02", store_1), chain.node(third).safety().size);
}

// 5.1: the point that is still trusted lies before the machine that others have followed since.
TEST(CleanPoint, before_the_epoch_that_others_follow_is_followed) {
  Chain chain(38, 3);
  const std::string second = start_on_second_machine(chain);
  const std::uint64_t kept = chain.node(second).recovery()->cosigned;
  chain.destroy(second);
  const std::string third = chain.rebuild(store_1, {{Origin{chain.file().chain, store_1, 1}, kept}});
  ASSERT_TRUE(comes_to_sign(chain, third));
  for (int i = 0; i < 10; ++i) chain.sell(store_1, 1);
  settle(chain);
  for (const node::SiteView& view : chain.node("head-office").sites())
    if (view.site == store_1) {
      EXPECT_EQ(view.totals->sales, chain.node(third).state().till.totals.sales);
    }
}

// A price list of a thousand products, in parts: the index of its last entry, or nothing if it was not taken.
std::optional<EntryIndex> import_long_list(Chain& chain) {
  catalogue::ListProducts command;
  for (int i = 0; i < 1000; ++i)
    command.products.push_back(
        {Sku("sku-" + std::to_string(i)), "", std::string(150, 'n'), UnitPrice{1'000'000}, VatCode("S"), true});
  std::optional<EntryIndex> last;
  fold::WriteRequest request{{}, {}, {}, {}, {}, std::move(command), {}, {}};
  request.key.bytes[0] = std::byte{1};
  chain.node("head-office").submit(std::move(request), [&](const Result<fold::Taken>& taken) {
    if (taken) last = taken->index;
  });
  EXPECT_TRUE(chain.run_until([&] { return last.has_value(); }, seconds(5)));
  return last;
}

// 1.3, 7.4: the index of an event's last part was given as a size, so what is kept ends amid it. Nothing of that event
// counts; who had followed to before it goes on from there, and does not name the end of what was kept for ever.
TEST(CleanPoint, amid_an_event_in_parts_is_followed_and_named_once) {
  Chain chain(41, 3);
  start_trade(chain);
  const auto followed = [&](const std::string& store) -> const fold::PeerPart& {
    return chain.node(store).state().peers.at(head_office);
  };
  ASSERT_TRUE(
      chain.run_until([&] { return chain.node("store-03").state().find_product("P9") != nullptr; }, seconds(20)));
  chain.kill("store-03");  // away for all of the event
  const std::uint64_t before = chain.node("head-office").safety().size;
  const auto last = import_long_list(chain);
  ASSERT_TRUE(last.has_value());
  ASSERT_GE(*last, before + 2) << "in parts";
  ASSERT_TRUE(
      chain.run_until([&] { return chain.node("store-01").state().find_product("sku-7") != nullptr; }, seconds(20)));
  chain.destroy("head-office");
  const std::string office = chain.rebuild(head_office, {{Origin{chain.file().chain, head_office, 1}, *last}});
  ASSERT_TRUE(comes_to_sign(chain, office));
  ASSERT_EQ(chain.node(office).state().find_product("sku-7"), nullptr);
  ASSERT_TRUE(comes_to_sign(chain, "store-03"));
  for (const std::string store : {"store-01", "store-02", "store-03"})
    EXPECT_TRUE(chain.run_until([&] { return followed(store).origin.epoch == 2; }, seconds(30))) << store;
  EXPECT_EQ(chain.node("store-01").state().find_product("sku-7"), nullptr);
  const std::uint64_t size = chain.node("store-03").safety().size;
  chain.run_for(seconds(10));
  EXPECT_LE(chain.node("store-03").safety().size, size + 10) << "five PeerFollowed a second";
  chain.list_products(11);
  EXPECT_TRUE(
      chain.run_until([&] { return chain.node("store-03").state().find_product("P10") != nullptr; }, seconds(20)));
  settle(chain);
}

// A site is on its second machine; then the recovery keys are replaced. Journals name that machine's registration
// everywhere, so everything that is rebuilt afterwards rests on a certificate that no recovery key of the file signs.
TEST(ReplacedRecoveryKeys, leave_standing_what_the_root_keys_name) {
  Chain chain(32, 3);
  const std::string second = start_on_second_machine(chain);
  chain.replace_recovery_keys();
  restart(chain, {"head-office", "warehouse", "store-02", "store-03", second});
  for (int i = 0; i < 10; ++i) chain.sell(store_1, 1);
  chain.run_for(seconds(5));
  EXPECT_TRUE(is_signing(chain, second));
  chain.destroy("head-office");  // follows the store, and mirrors it
  const std::string office = chain.rebuild(head_office);
  ASSERT_TRUE(comes_to_sign(chain, office));
  chain.run_for(seconds(5));
  chain.destroy(second);
  const std::string third = chain.rebuild(store_1);
  ASSERT_TRUE(comes_to_sign(chain, third));
  EXPECT_EQ(chain.node(third).recovery()->old_origin.epoch, 2u);
  settle(chain);
}

// What `site adopt` keeps people from: nothing is lost, but the rebuilt machine does not start under such a file.
TEST(ReplacedRecoveryKeys, that_took_a_certificate_with_them_stop_its_machine_and_a_later_file_names_it) {
  Chain chain(33, 3);
  const std::string second = start_on_second_machine(chain);
  chain.replace_recovery_keys(false);
  chain.kill(second);
  const Status refused = chain.start(second);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, "chain/bad_certificate");
  chain.replace_recovery_keys();
  restart(chain, {"head-office", "warehouse", "store-02", "store-03"});
  ASSERT_TRUE(comes_to_sign(chain, second));
  settle(chain);
}

// A thief has registered a machine of his in the store's name with stolen recovery keys, and every site has heard of
// it. The new file names it nowhere and revokes it: links go on between those who know it and those who do not, and the
// store is rebuilt under the new keys, from what its own machine had.
TEST(ReplacedRecoveryKeys, undo_what_a_thief_has_registered_with_the_old_ones) {
  Chain chain(36, 3);
  start_trade(chain);
  for (int i = 0; i < 10; ++i) chain.sell(store_1, 1);
  chain.run_for(seconds(3));
  const Machine& false_machine = chain.machine(chain.rebuild(store_1));  // never started
  const auto certificate =
      chain::parse_certificate(as_text(*const_cast<SimDisk&>(false_machine.disk).read_all(node::certificate_path)));
  ASSERT_TRUE(certificate.has_value());
  Impostor thief(chain, false_machine);
  const chain::Registration registration =
      chain::make_registration(*certificate, {chain.file().chain, store_1, 1}, 0, sha256(ByteView()),
                               [&](ByteView text) { return thief.sign(text); });
  for (const SiteName& mirror : {head_office, warehouse}) {
    thief.dial(chain.file().find(mirror)->link_address);
    chain.run_for(seconds(1));
    ASSERT_TRUE(thief.to);
    thief.say(sync::Hello{chain.file().chain, store_1, 2, {}, registration.note});
    chain.run_for(seconds(2));
  }
  thief.leave();
  chain.destroy("store-01");  // it has stopped, as it was told that it was replaced
  EXPECT_EQ(chain.node("head-office").state().epochs.at(store_1).registrations.size(), 1u);
  chain.revoke(store_1, 2);
  chain.replace_recovery_keys(false);
  restart(chain, {"head-office", "warehouse", "store-02", "store-03"});
  chain.run_for(seconds(5));
  for (const node::LinkView& link : chain.node("head-office").links())
    if (link.to != store_1) {
      EXPECT_EQ(link.state, node::LinkState::up) << link.to.view();
    }
  const std::string third = chain.rebuild(store_1);
  ASSERT_TRUE(comes_to_sign(chain, third));
  EXPECT_EQ(chain.node(third).recovery()->old_origin.epoch, 1u);
  chain.destroy("head-office");  // whose journal names the false one
  const std::string office = chain.rebuild(head_office);
  ASSERT_TRUE(comes_to_sign(chain, office));
  settle(chain);
}

// A thief's machine of the first store has traded and was followed, and is undone by new recovery keys; the store is
// rebuilt from what its own machine had.
void undo_thiefs_machine(Chain& chain) {
  const std::string his = start_on_second_machine(chain);
  const std::uint64_t kept = chain.node(his).recovery()->cosigned;
  EXPECT_EQ(chain.node("head-office").state().peers.at(store_1).origin.epoch, 2u);
  chain.destroy(his);
  chain.revoke(store_1, 2);
  chain.replace_recovery_keys(false);
  restart(chain, {"head-office", "warehouse", "store-02", "store-03"});
  EXPECT_TRUE(comes_to_sign(chain, chain.rebuild(store_1, {{Origin{chain.file().chain, store_1, 1}, kept}})));
}

// His machine has even traded, and head office has followed it; people go back to what the store's own machine had.
TEST(ReplacedRecoveryKeys, undo_a_thiefs_machine_that_others_have_followed) {
  Chain chain(39, 3);
  undo_thiefs_machine(chain);
  for (int i = 0; i < 10; ++i) chain.sell(store_1, 1);
  settle(chain);
  EXPECT_EQ(chain.node("head-office").state().peers.at(store_1).origin.epoch, 3u);
  chain.destroy("head-office");  // its journal rests on what it had followed of his
  const std::string office = chain.rebuild(head_office);
  ASSERT_TRUE(comes_to_sign(chain, office));
  settle(chain);
}

// The same, and a spare is set up afterwards: it opens with everything, and not before the place where his is named.
TEST(ReplacedRecoveryKeys, leave_a_new_spare_what_the_journal_names_of_a_thiefs_machine) {
  Chain chain(40, 3);
  undo_thiefs_machine(chain);
  const std::string spare = chain.add_spare(head_office);
  ASSERT_TRUE(chain.start(spare).has_value());
  chain.run_for(seconds(5));
  ASSERT_TRUE(holds_all(chain, spare, "head-office")) << chain.machine(spare).spare->view().problem;
  const std::uint64_t size = chain.node("head-office").safety().size;
  chain.destroy("head-office");
  ASSERT_TRUE(chain.promote(spare).has_value());
  ASSERT_TRUE(comes_to_sign(chain, spare));
  EXPECT_GE(chain.node(spare).recovery()->cosigned, size);
  settle(chain);
}

}  // namespace
}  // namespace holdfast::sim
