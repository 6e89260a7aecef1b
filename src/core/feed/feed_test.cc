#include "core/feed/feed.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace holdfast::feed {
namespace {

const Instant now{1'000'000'000};

FeedTaken file(Kind kind, std::string stream, std::int64_t as_of, bool whole = false) {
  FeedTaken out;
  out.kind = kind;
  out.stream = std::move(stream);
  out.file = out.stream + ".csv";
  out.as_of = Instant{as_of};
  out.whole = whole;
  out.rows = 10;
  out.taken = 10;
  return out;
}
Order order(std::string number, std::int64_t pieces = 1) {
  return {std::move(number), {}, "paid", Instant{1}, {{Sku("A"), Quantity{pieces * 1000}}}};
}
void take(FeedState& state, const FeedTaken& f) { apply(state, *decide(state, now, TakeFile{f}), now); }
std::string code(const auto& result) { return result ? "" : std::string(result.error().code); }
Bytes bytes_of(const FeedState& state) {
  Writer out;
  state.encode(out);
  return out.take();
}

TEST(Feed, an_age_that_nobody_knows_is_not_yet_known) {
  FeedState state;
  EXPECT_FALSE(state.is_fed());
  EXPECT_EQ(state.as_of(Kind::stock), std::nullopt);
  take(state, file(Kind::catalogue, "products", 5));
  EXPECT_TRUE(state.is_fed());
  EXPECT_EQ(state.as_of(Kind::catalogue), Instant{5});
  EXPECT_EQ(state.as_of(Kind::stock), std::nullopt);
}

TEST(Feed, a_kind_is_as_old_as_its_oldest_export_and_a_whole_file_stands_alone) {
  FeedState state;
  take(state, file(Kind::catalogue, "food", 5));
  take(state, file(Kind::catalogue, "beauty", 9));
  EXPECT_EQ(state.as_of(Kind::catalogue), Instant{5});
  take(state, file(Kind::catalogue, "food", 20));
  EXPECT_EQ(state.as_of(Kind::catalogue), Instant{9});
  take(state, file(Kind::stock, "stock", 2));
  take(state, file(Kind::catalogue, "all", 30, true));
  EXPECT_EQ(state.as_of(Kind::catalogue), Instant{30});
  EXPECT_EQ(state.streams.size(), 2u) << "stock is another kind, and stays";
}

TEST(Feed, an_older_file_of_an_export_is_refused_and_one_from_the_future_is_of_now) {
  FeedState state;
  take(state, file(Kind::stock, "stock", 7));
  EXPECT_EQ(code(decide(state, now, TakeFile{file(Kind::stock, "stock", 6)})), "feed/older");
  EXPECT_EQ(decide(state, now, TakeFile{file(Kind::stock, "stock", now.unix_ns + 5)})->as_of, now);
  EXPECT_TRUE(decide(state, now, TakeFile{file(Kind::stock, "other", 6)}));
}

TEST(Feed, orders_are_kept_until_they_are_gone) {
  FeedState state;
  apply(state, *decide(state, now, FeedOrders{Instant{1}, {order("#1"), order("#2")}, {}}));
  apply(state, *decide(state, now, FeedOrders{Instant{2}, {order("#2", 5)}, {"#1"}}));
  ASSERT_EQ(state.orders.size(), 1u);
  EXPECT_EQ(state.orders.at("#2"), order("#2", 5));
}

TEST(Feed, what_cannot_be_an_order_is_refused_with_its_number) {
  const FeedState state;
  const auto tried = [&](Order o) { return decide(state, now, FeedOrders{Instant{1}, {std::move(o)}, {}}); };
  EXPECT_TRUE(tried(order("#1")));
  EXPECT_EQ(code(tried(order(""))), "feed/bad_order");
  EXPECT_EQ(code(tried(order("#1", 0))), "feed/bad_order");
  Order none = order("#1");
  none.lines.clear();
  EXPECT_NE(tried(none).error().text.find("#1"), std::string::npos);
  EXPECT_EQ(code(decide(state, now, FeedOrders{Instant{1}, {order("#1")}, {"#1"}})), "feed/bad_order");
  EXPECT_EQ(code(decide(state, now, FeedOrders{Instant{1}, {}, {}})), "feed/bad_order");
}

TEST(Feed, a_hostile_journal_fills_no_memory_with_streams) {
  FeedState state;
  for (int i = 0; i < 300; ++i) apply(state, file(Kind::stock, std::to_string(i), i), now);
  EXPECT_EQ(state.streams.size(), streams_max);
  EXPECT_EQ(code(decide(state, now, TakeFile{file(Kind::stock, "one more", 900)})), "feed/too_many");
  apply(state, file(Kind::stock, "7", 1000), now);
  EXPECT_EQ(state.streams.at({Kind::stock, "7"}).file.as_of, Instant{1000}) << "a known one goes on";
}

RC_GTEST_PROP(FeedProperty, a_snapshot_gives_the_same_state_again, ()) {
  FeedState state;
  for (int i = *rc::gen::inRange(0, 20); i > 0; --i) {
    const int n = *rc::gen::inRange(0, 9);
    if (*rc::gen::arbitrary<bool>())
      apply(state, file(static_cast<Kind>(n % 3), std::to_string(n), i, n == 4), Instant{i});
    else if (n < 6)
      apply(state, OrdersFed{Instant{i}, {order(std::to_string(n), i)}, {}});
    else
      apply(state, OrdersFed{Instant{i}, {}, {std::to_string(n - 6)}});
  }
  const Bytes bytes = bytes_of(state);
  Reader in(bytes);
  const auto back = FeedState::decode(in);
  RC_ASSERT(back.has_value() && in.at_end());
  RC_ASSERT(*back == state);
  RC_ASSERT(bytes_of(*back) == bytes);
  Reader cut(ByteView(bytes).first(bytes.size() - 1));
  RC_ASSERT(!FeedState::decode(cut).has_value());
}

}  // namespace
}  // namespace holdfast::feed
