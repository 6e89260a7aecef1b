// The state is a function of the journal: with a snapshot, without it, and after export and import (protocol 7.1, issue
// 2). HF_REPLAY_SALES=1000000 is the full size (`make replay-million`).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "core/journal/tiles.h"
#include "sim/chain.h"

namespace holdfast::sim {
namespace {

unsigned sales_wanted() {
  const char* text = std::getenv("HF_REPLAY_SALES");
  return text == nullptr ? 10'000 : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

fold::WriteRequest sale(unsigned number) {
  const std::int64_t product = number % 10;
  till::RecordSale command;
  command.till = TillId{1 + number % 4};
  command.lines = {{Sku(fmt::format("P{}", product)), Quantity{2000}, UnitPrice{(product + 1) * 1'000'000},
                    VatCode("S"), "", false}};
  command.tenders = {{till::TenderKind::cash, Money{(product + 1) * 200}, "", "", till::CardResult::approved}};
  fold::WriteRequest request;
  request.till = command.till;
  std::memcpy(request.key.bytes.data(), &number, sizeof number);
  request.key.bytes[15] = std::byte{1};
  request.command = std::move(command);
  return request;
}

// The state that a machine with this disk opens to, alone, at the same moment and with the same chance.
Hash opened(const SimDisk& image, Chain& chain, std::uint64_t& sales) {
  SimDisk disk(image);
  Machine& m = chain.machine("store-01");
  Wire wire(chain.network, "alone");
  SimEntropy entropy{Random(5)};
  SerialExecutor executor;
  node::Options options;
  options.site = SiteName("store-01");
  auto node = node::Node::open({disk, wire, *m.clock, entropy, *m.signer, executor}, options);
  EXPECT_TRUE(node.has_value()) << node.error().text;
  if (!node) return {};
  sales = (*node)->state().till.totals.sales;
  return (*node)->state().hash();
}

TEST(Replay, gives_the_same_state_with_and_without_snapshot_and_after_export_and_import) {
  const unsigned wanted = sales_wanted();
  Chain chain(11, 2);
  chain.snapshot_entries = 250'000;
  for (const auto& [name, m] : chain.machines()) ASSERT_TRUE(chain.start(name).has_value());
  chain.run_for(seconds(3));
  chain.list_products(10);
  ASSERT_TRUE(
      chain.run_until([&] { return chain.node("store-01").state().find_product("P9") != nullptr; }, seconds(20)));
  unsigned refused = 0;
  for (unsigned i = 0; i < wanted;) {
    for (unsigned group = 0; group < 1024 && i < wanted; ++group, ++i)
      chain.node("store-01").submit(sale(i), [&](const Result<fold::Taken>& taken) { refused += !taken; });
    chain.run_for(milliseconds(2));
  }
  ASSERT_TRUE(chain.run_until([&] { return chain.node("store-01").state().till.totals.sales == wanted; }, seconds(60)));
  ASSERT_EQ(refused, 0u);
  Machine& store = chain.machine("store-01");
  ASSERT_TRUE(store.node->stop().has_value());
  const SimDisk with_snapshot(store.disk);
  chain.kill("store-01");

  SimDisk without_snapshot(with_snapshot);
  std::size_t snapshots = 0;
  const auto names = without_snapshot.list("snapshots");
  ASSERT_TRUE(names.has_value());
  for (const std::string& name : *names) {
    ++snapshots;
    ASSERT_TRUE(without_snapshot.remove("snapshots/" + name).has_value());
  }
  ASSERT_GT(snapshots, 0u);

  // Exported as a tlog-tiles tree, and read back into a journal on a disk that has only the rest of the directory.
  SimDisk reading(with_snapshot), tree{Random(1)}, imported(without_snapshot);
  const Origin origin = Origin{chain.file().chain, SiteName("store-01"), 1};
  SerialExecutor executor;
  auto log = journal::Log::open(reading, executor, origin);
  ASSERT_TRUE(log.has_value());
  ASSERT_TRUE(journal::export_tiles(**log, (*log)->last_checkpoint(), tree, "out").has_value());
  const std::string directory = journal::Log::directory(origin);
  const auto segments = imported.list(directory);
  ASSERT_TRUE(segments.has_value());
  for (const std::string& name : *segments) ASSERT_TRUE(imported.remove(directory + "/" + name).has_value());
  {
    auto empty = journal::Log::open(imported, executor, origin);
    ASSERT_TRUE(empty.has_value());
    const auto taken = journal::import_tiles(tree, "out", **empty);
    ASSERT_TRUE(taken.has_value()) << taken.error().text;
    EXPECT_EQ(*taken, (*log)->size());
  }

  std::uint64_t sales_a = 0, sales_b = 0, sales_c = 0;
  const Hash a = opened(with_snapshot, chain, sales_a);
  const Hash b = opened(without_snapshot, chain, sales_b);
  const Hash c = opened(imported, chain, sales_c);
  EXPECT_EQ(sales_a, wanted);
  EXPECT_EQ(to_hex(a), to_hex(b));
  EXPECT_EQ(to_hex(a), to_hex(c));
  std::printf("%u sales: state %s with snapshot, without, and after export and import\n", wanted, to_hex(a).c_str());
}

// Two commands of one group that would spend the same receipt's refund: exactly one is taken.
TEST(Refunds, of_one_receipt_sent_together_are_taken_once) {
  Chain chain(12, 2);
  for (const auto& [name, m] : chain.machines()) ASSERT_TRUE(chain.start(name).has_value());
  chain.run_for(seconds(3));
  chain.list_products(10);
  ASSERT_TRUE(
      chain.run_until([&] { return chain.node("store-01").state().find_product("P9") != nullptr; }, seconds(20)));
  unsigned taken_once = 0;
  for (unsigned i = 0; i < 1000; ++i) {
    std::optional<ReceiptNumber> receipt;
    chain.node("store-01").submit(sale(i), [&](const Result<fold::Taken>& taken) {
      receipt = taken ? taken->receipt : std::nullopt;
    });
    ASSERT_TRUE(chain.node("store-01").turn().has_value());
    ASSERT_TRUE(receipt);
    unsigned accepted = 0, refused = 0;
    for (std::byte which : {std::byte{2}, std::byte{3}}) {
      till::Refund refund{TillId{1}, *receipt, {{0, Quantity{2000}}}, {}, "both"};
      refund.tenders = {{till::TenderKind::cash, Money{static_cast<std::int64_t>(i % 10 + 1) * 200}, "", "",
                         till::CardResult::approved}};
      fold::WriteRequest request;
      request.till = TillId{1};
      std::memcpy(request.key.bytes.data(), &i, sizeof i);
      request.key.bytes[15] = which;
      request.command = std::move(refund);
      chain.node("store-01").submit(std::move(request), [&](const Result<fold::Taken>& taken) {
        ++(taken ? accepted : refused);
      });
    }
    ASSERT_TRUE(chain.node("store-01").turn().has_value());
    taken_once += accepted == 1 && refused == 1;
  }
  EXPECT_EQ(taken_once, 1000u);
}

}  // namespace
}  // namespace holdfast::sim
