#include "core/stock/stock.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/base/sums.h"

namespace holdfast::stock {
namespace {

const SiteName here("store-01"), there("store-02");

Line line(std::string_view sku, std::int64_t pieces) { return {Sku(sku), Quantity{pieces * 1000}}; }
DispatchId id(unsigned n) { return {{std::byte(n), std::byte{1}}}; }
std::int64_t on_hand(const StockState& state, std::string_view sku) {
  const auto it = state.items.find(Sku(sku));
  return it == state.items.end() ? 0 : it->second.on_hand.thousandths / 1000;
}
bool count_wanted(const StockState& state, std::string_view sku) { return state.items.at(Sku(sku)).count_wanted; }
Bytes bytes_of(const StockState& state) {
  Writer out;
  state.encode(out);
  return out.take();
}
// total = in - out, and total is what the shelves hold.
bool is_conserved(const StockState& s) {
  Quantity sum, balance;
  for (const auto& [sku, item] : s.items) add(sum, item.on_hand);
  for (const Quantity* in : {&s.received, &s.counted_up, &s.taken_back, &s.arrived_units, &s.fed_up}) add(balance, *in);
  for (const Quantity* out : {&s.written_off, &s.counted_down, &s.sold, &s.dispatched, &s.fed_down})
    take_off(balance, *out);
  return sum == s.total && balance == s.total;
}
StockState with(std::vector<Line> lines) {
  StockState state;
  apply(state, *decide(state, Receive{std::move(lines), ""}));
  return state;
}

TEST(Stock, received_goods_lie_here_until_they_are_sold_written_off_or_sent) {
  StockState state = with({line("A", 10), line("A", 5), line("B", 1)});
  EXPECT_EQ(on_hand(state, "A"), 15);
  move_by_till(state, Sku("A"), Quantity{2000});
  move_by_till(state, Sku("A"), Quantity{-1000});
  apply(state, *decide(state, WriteOff{{line("A", 1)}, "broken"}));
  apply(state, *decide(state, here, Dispatch{there, {line("A", 3)}}), id(1), Instant{5}, 9);
  EXPECT_EQ(on_hand(state, "A"), 10);
  EXPECT_EQ(state.sent.at(id(1)), (Sent{there, {line("A", 3)}, Instant{5}, 9}));
  EXPECT_TRUE(is_conserved(state));
}

TEST(Stock, a_sale_below_zero_is_booked_and_flagged_until_the_next_count) {
  StockState state = with({line("A", 1)});
  move_by_till(state, Sku("A"), Quantity{3000});
  EXPECT_EQ(on_hand(state, "A"), -2);
  EXPECT_TRUE(count_wanted(state, "A"));
  apply(state, *decide(state, Receive{{line("A", 10)}, ""}));
  EXPECT_TRUE(count_wanted(state, "A")) << "the book was wrong and still may be";
  apply(state, *decide(state, Count{{line("A", 7)}}), Instant{1});
  EXPECT_FALSE(count_wanted(state, "A"));
  EXPECT_EQ(on_hand(state, "A"), 7);
  EXPECT_TRUE(is_conserved(state));
}

TEST(Stock, a_count_says_what_was_found_too_much_or_too_little) {
  StockState state = with({line("A", 5), line("B", 5)});
  apply(state, *decide(state, Count{{line("A", 8), line("B", 0), line("C", 2)}}), Instant{1});
  EXPECT_EQ(state.counted_up, Quantity{5000});
  EXPECT_EQ(state.counted_down, Quantity{5000});
  EXPECT_TRUE(is_conserved(state));
}

TEST(Stock, a_fed_level_stands_and_movements_go_on_from_it) {
  StockState state = with({line("A", 5)});
  move_by_till(state, Sku("A"), Quantity{7000});
  EXPECT_TRUE(count_wanted(state, "A"));
  const auto fed = decide(state, Instant{9}, Feed{Instant{99}, {line("A", 4), line("B", -2), line("C", 0)}});
  ASSERT_TRUE(fed);
  EXPECT_EQ(fed->as_of, Instant{9}) << "nothing is known of the future";
  apply(state, *fed);
  EXPECT_EQ(on_hand(state, "A"), 4);
  EXPECT_FALSE(count_wanted(state, "A")) << "what was sold is in the level";
  EXPECT_TRUE(count_wanted(state, "B"));
  move_by_till(state, Sku("A"), Quantity{1000});
  EXPECT_EQ(on_hand(state, "A"), 3);
  EXPECT_EQ(state.fed_up, Quantity{6000});
  EXPECT_EQ(state.fed_down, Quantity{2000});
  EXPECT_EQ(state.counted_up, Quantity{}) << "it is no count of ours";
  EXPECT_TRUE(is_conserved(state));
  EXPECT_FALSE(decide(state, Instant{9}, Feed{Instant{9}, {line("A", 4), line("A", 5)}})) << "which of the two?";
}

TEST(Stock, a_dispatch_arrives_once) {
  StockState state;
  const ReceiveDispatch command{there, id(4), {line("A", 2)}};
  apply(state, *decide(state, here, command), Instant{1});
  EXPECT_EQ(on_hand(state, "A"), 2);
  const auto again = decide(state, here, command);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, "stock/received_before");
  const StockState before = state;
  apply(state, DispatchReceived{there, id(4), {line("A", 9)}}, Instant{2});
  EXPECT_EQ(state, before);
}

TEST(Stock, a_dispatch_of_which_nothing_arrived_is_over) {
  StockState state = with({line("A", 1)});
  const auto lost = decide(state, here, ReceiveDispatch{there, id(4), {line("A", 0)}});
  ASSERT_TRUE(lost);
  apply(state, *lost, Instant{1});
  EXPECT_EQ(on_hand(state, "A"), 1);
  EXPECT_TRUE(state.arrived.contains(id(4)));
  EXPECT_TRUE(is_conserved(state));
}

TEST(Stock, products_of_which_another_quantity_arrived_are_to_be_counted) {
  StockState state = with({line("A", 1), line("B", 1), line("C", 1), line("D", 1)});
  want_count_of_differences(state, {line("A", 1), line("A", 1), line("B", 2), line("C", 1)},
                            {line("A", 2), line("B", 1), line("D", 1)});
  EXPECT_FALSE(count_wanted(state, "A"));
  EXPECT_TRUE(count_wanted(state, "B"));
  EXPECT_TRUE(count_wanted(state, "C"));
  EXPECT_TRUE(count_wanted(state, "D"));
}

template <class R>
std::string_view code(const R& result) {
  return result ? "taken" : result.error().code;
}

TEST(Stock, bad_lines_are_refused) {
  const StockState state;
  const Line none{Sku(""), Quantity{1}}, negative{Sku("A"), Quantity{-1}}, zero{Sku("A"), Quantity{0}},
      endless{Sku("A"), Quantity{quantity_thousandths_max + 1}}, control{Sku("a\nb"), Quantity{1}};
  for (const Line& bad : {none, negative, zero, endless, control}) {
    EXPECT_EQ(code(decide(state, Receive{{line("A", 1), bad}, ""})), "stock/bad_line");
    EXPECT_EQ(code(decide(state, WriteOff{{bad}, "why"})), "stock/bad_line");
    EXPECT_EQ(code(decide(state, here, Dispatch{there, {bad}})), "stock/bad_line");
  }
  for (const Line& bad : {none, negative, endless, control})
    EXPECT_EQ(code(decide(state, here, ReceiveDispatch{there, id(1), {bad}})), "stock/bad_line");
  EXPECT_EQ(code(decide(state, Count{{zero}})), "taken");
  EXPECT_EQ(code(decide(state, Count{{negative}})), "stock/bad_line");
  EXPECT_EQ(code(decide(state, Count{{line("A", 1), line("A", 2)}})), "stock/bad_line");
  EXPECT_EQ(code(decide(state, Receive{{}, ""})), "stock/bad_line");
  EXPECT_EQ(code(decide(state, Receive{std::vector<Line>(lines_max + 1, line("A", 1)), ""})), "stock/bad_line");
  EXPECT_EQ(code(decide(state, Receive{{line("A", 1)}, "\xff"})), "stock/bad_line");
  EXPECT_EQ(code(decide(state, Receive{{line("A", 1)}, std::string(501, 'x')})), "stock/bad_line");
}

TEST(Stock, a_write_off_needs_a_reason_and_goods_travel_between_two_sites) {
  const StockState state;
  EXPECT_EQ(code(decide(state, WriteOff{{line("A", 1)}, ""})), "stock/reason_needed");
  EXPECT_EQ(code(decide(state, here, Dispatch{here, {line("A", 1)}})), "stock/same_site");
  EXPECT_EQ(code(decide(state, here, ReceiveDispatch{here, id(1), {line("A", 1)}})), "stock/same_site");
  EXPECT_EQ(code(decide(state, here, Dispatch{SiteName("Store 2"), {line("A", 1)}})), "stock/unknown_site");
  EXPECT_EQ(code(decide(state, here, Dispatch{SiteName(""), {line("A", 1)}})), "stock/unknown_site");
  EXPECT_EQ(code(decide(state, here, ReceiveDispatch{there, DispatchId{}, {line("A", 1)}})), "stock/bad_line");
}

// Random trade; quantities up to the bound, so that sums wrap too.
void random_step(StockState& state, unsigned step) {
  const auto quantity = *rc::gen::oneOf(rc::gen::inRange<std::int64_t>(1, 5000),
                                        rc::gen::inRange<std::int64_t>(1, quantity_thousandths_max + 1));
  const Line any{Sku("sku-" + std::to_string(*rc::gen::inRange(0, 5))), Quantity{quantity}};
  switch (*rc::gen::inRange(0, 7)) {
    case 0:
      return apply(state, *decide(state, Receive{{any, any}, "paper"}));
    case 1:
      return apply(state, *decide(state, WriteOff{{any}, "broken"}));
    case 2:
      return apply(state, *decide(state, Count{{any}}), Instant{1});
    case 3:
      return apply(state, *decide(state, here, Dispatch{there, {any}}), id(step % 200), Instant{1}, step);
    case 4: {
      const auto event = decide(state, here, ReceiveDispatch{there, id(step % 200), {any}});
      if (event) apply(state, *event, Instant{2});
      return;
    }
    case 5:
      return move_by_till(state, any.sku, any.quantity);
    default:
      return move_by_till(state, any.sku, Quantity{-any.quantity.thousandths});
  }
}

RC_GTEST_PROP(StockProperty, goods_are_conserved_and_come_back_from_a_snapshot, ()) {
  StockState state;
  const auto steps = *rc::gen::inRange(0u, 80u);
  for (unsigned i = 0; i < steps; ++i) {
    random_step(state, i);
    RC_ASSERT(is_conserved(state));
    for (const auto& [sku, item] : state.items) RC_ASSERT(item.on_hand.thousandths >= 0 || item.count_wanted);
  }
  const Bytes bytes = bytes_of(state);
  Reader in(bytes);
  const auto back = StockState::decode(in);
  RC_ASSERT(back.has_value());
  RC_ASSERT(in.at_end());
  RC_ASSERT(*back == state);
  RC_ASSERT(bytes_of(*back) == bytes);
}

RC_GTEST_PROP(StockProperty, what_one_site_sends_and_another_receives_is_whole_or_seen_as_a_difference, ()) {
  StockState sender, receiver;
  Quantity in_transit;
  const auto sent_pieces = *rc::gen::container<std::vector<int>>(rc::gen::inRange(1, 50));
  for (unsigned i = 0; i < sent_pieces.size(); ++i) {
    const DispatchId dispatch{{std::byte(i & 255), std::byte(i >> 8), std::byte{1}}};
    const std::vector<Line> lines = {line("A", sent_pieces[i])};
    apply(sender, *decide(sender, here, Dispatch{there, lines}), dispatch, Instant{}, i);
    add(in_transit, lines[0].quantity);
    const int arrives = *rc::gen::inRange(0, 3);
    if (arrives == 0) continue;
    const std::vector<Line> came = {line("A", arrives == 1 ? sent_pieces[i] : sent_pieces[i] + 1)};
    apply(receiver, *decide(receiver, there, ReceiveDispatch{here, dispatch, came}), Instant{});
    want_count_of_differences(receiver, lines, came);
    RC_ASSERT(receiver.items.at(Sku("A")).count_wanted || arrives == 1);
    take_off(in_transit, lines[0].quantity);
    if (arrives == 1) continue;
    apply(receiver, *decide(receiver, Count{{{Sku("A"), receiver.items.at(Sku("A")).on_hand}}}), Instant{1});
  }
  Quantity never_arrived;
  for (const auto& [dispatch, sent] : sender.sent)
    if (!receiver.arrived.contains(dispatch)) add(never_arrived, sent.lines[0].quantity);
  RC_ASSERT(never_arrived == in_transit);
  RC_ASSERT(is_conserved(sender));
  RC_ASSERT(is_conserved(receiver));
}

TEST(StockSnapshot, cut_anywhere_it_is_refused) {
  StockState state = with({line("A", 2), line("B", 3)});
  apply(state, *decide(state, here, Dispatch{there, {line("A", 1)}}), id(1), Instant{5}, 9);
  apply(state, *decide(state, here, ReceiveDispatch{there, id(2), {line("A", 1)}}), Instant{6});
  const Bytes bytes = bytes_of(state);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    Reader in(ByteView(bytes).first(size));
    EXPECT_FALSE(StockState::decode(in)) << size;
  }
}

}  // namespace
}  // namespace holdfast::stock
