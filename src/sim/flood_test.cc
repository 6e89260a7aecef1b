// A peer that sends more than a site can work off (protocol 13.119).
#include <gtest/gtest.h>

#include "core/sync/messages.h"
#include "sim/chain.h"

namespace holdfast::sim {
namespace {

// Each look at it costs a millisecond, as if all that is done took time.
struct TickingClock final : Clock {
  Instant now() override { return at; }
  Instant monotonic() override { return at = at + milliseconds(1); }
  Instant at{1'800'000'000'000'000'000};
};

TEST(Flood, is_worked_off_in_slices_and_sales_are_taken_in_between) {
  Chain chain(1, 2);
  Machine& m = chain.machine("store-01");
  TickingClock clock;
  SimEntropy entropy(Random(7));
  SerialExecutor executor;
  World world{m.disk, *m.wire, clock, entropy, *m.signer, executor};
  node::Options options;
  options.site = m.site;
  auto node = node::Node::open(world, options);
  ASSERT_TRUE(node) << node.error().text;
  const ConnectionId gone{7};  // what it sent before it was closed costs the least that a message can
  for (int i = 0; i < 500; ++i) (*node)->on_message(gone, Bytes(100));
  fold::WriteRequest sale{TillId{1}, {}, SubjectId{}, {}, {}, till::RecordSale{}, {}, {}};
  int answers = 0, turns_to_answer = 0, turns = 0;
  (*node)->submit(sale, [&](const Result<fold::Taken>&) { ++answers; });
  Instant began;
  do {
    began = clock.at + milliseconds(1);
    ASSERT_TRUE((*node)->turn());
    ++turns;
    if (answers == 0) ++turns_to_answer;
  } while ((*node)->wake_at() <= began && turns < 100);
  EXPECT_EQ(turns_to_answer, 0) << "the first turn decides it";
  EXPECT_GE(turns, 20) << "20 of 500 in each";
  EXPECT_LE(turns, 30);
}

}  // namespace
}  // namespace holdfast::sim
