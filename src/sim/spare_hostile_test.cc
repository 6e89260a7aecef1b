// Who lies to a spare, to the node it stands for, or about either (protocol 3, 4.6, 10): nothing is lost by it, and
// nobody is stopped by one machine's word.
#include <gtest/gtest.h>

#include "core/fold/event.h"
#include "sim/spare_test_support.h"

namespace holdfast::sim {
namespace {

bool is_cosigned(Chain& chain, const std::string& name) {
  return chain.node(name).safety().cosigned_size == chain.node(name).safety().size;
}
std::string certificate_of(Chain& chain, const std::string& name) {
  return std::string(as_text(*chain.machine(name).disk.read_all(node::certificate_path)));
}
bool has_sealed(Chain& chain, const std::string& mirror) {
  return chain.node(mirror).state().epochs.contains(store_1);
}
// A sale at this very machine, whoever serves the store. Its key, once it is acknowledged.
void sell_at(Chain& chain, const std::string& machine, std::vector<fold::WriteKey>& acknowledged) {
  fold::WriteRequest sale = chain.a_sale(store_1, 2);
  for (std::byte& b : sale.key.bytes) b = static_cast<std::byte>(chain.random().next());
  chain.node(machine).submit(sale, [&acknowledged, key = fold::WriteKey{sale.till, sale.key}](const auto& taken) {
    if (taken) acknowledged.push_back(key);
  });
}

TEST(Hostile, mirror_that_gives_junk_to_a_node_on_an_old_disk_neither_ends_it_nor_makes_it_doubt_itself) {
  for (const bool decodes : {false, true}) {
    Chain chain(23, 3);
    for (const auto& [name, m] : chain.machines()) ASSERT_TRUE(chain.start(name)) << name;
    ASSERT_TRUE(chain.run_until([&] { return is_signing(chain, "store-01"); }, seconds(20)));
    const SimDisk image = chain.machine("store-01").disk;
    std::string newest;
    chain.network.tap = [&, before = chain.network.tap](const std::string& from, const std::string& to,
                                                        ByteView bytes) {
      const auto message = sync::decode(bytes);
      const auto* cosigned = message ? std::get_if<sync::Cosigned>(&*message) : nullptr;
      if (from == "store-01" && cosigned != nullptr) newest = cosigned->note;
      if (before) before(from, to, bytes);
    };
    for (int i = 0; i < 10; ++i) chain.sell(store_1, 1);
    ASSERT_TRUE(chain.run_until(
        [&] { return chain.node("store-01").state().till.totals.sales == 10 && is_cosigned(chain, "store-01"); },
        seconds(20)));
    chain.run_for(seconds(1));
    const auto note = journal::parse_note(newest);
    ASSERT_TRUE(note.has_value());
    const std::uint64_t size = journal::parse_checkpoint(note->text)->size;
    chain.kill("store-01");
    chain.kill("warehouse");
    chain.machine("store-01").disk = image;
    chain.network.cut("store-01", "head-office");
    Impostor liar(chain, chain.machine("warehouse"), chain.file().find(warehouse)->link_address);
    const Bytes junk = decodes ? fold::encode({chain.now(), std::nullopt, fold::NodeStarted{SeriesId{7}, "junk"}})[0]
                               : to_bytes(as_bytes(std::string_view("junk")));
    std::size_t junk_sent = 0;
    liar.answer = [&](const sync::Message& m) {
      if (std::holds_alternative<sync::Hello>(m))
        liar.say(sync::Hello{chain.file().chain, warehouse, 1, {}, {}});
      if (const auto* ask = std::get_if<sync::Ask>(&m))
        liar.say(sync::Known{ask->site, {{{chain.file().chain, store_1, 1}, size, newest, 0, {}, {}}}, {}, {}, 0});
      if (const auto* have = std::get_if<sync::Have>(&m); have != nullptr && have->origin.site == store_1) {
        liar.say(sync::Entries{have->origin, have->size, std::vector<Bytes>(size - have->size, junk), newest});
        ++junk_sent;
      }
    };
    ASSERT_TRUE(chain.start("store-01"));
    EXPECT_TRUE(chain.run_until([&] { return !chain.machine("store-01").node || is_signing(chain, "store-01"); },
                                seconds(40)));
    ASSERT_TRUE(chain.machine("store-01").node) << chain.machine("store-01").died_of->text;
    EXPECT_EQ(junk_sent, 1u) << "asked once, and not again";
    EXPECT_TRUE(is_signing(chain, "store-01"));
    EXPECT_EQ(chain.node("store-01").state().till.totals.sales, 10u) << "the honest mirror had them";
    EXPECT_TRUE(chain.node("store-01").state().contradictions.empty());
    EXPECT_EQ(chain.node("store-01").posture().posture, guard::Posture::open);
  }
}

}  // namespace
}  // namespace holdfast::sim
