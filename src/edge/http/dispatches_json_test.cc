// Goods between sites, as a stock controller sees them.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "edge/http/fake_node.h"
#include "edge/http/state_json.h"

namespace holdfast::http {
namespace {

TEST(DispatchesJson, one_that_never_arrived_is_shown_however_many_have_arrived_since) {
  FakeNode node;
  fold::PeerPart& peer = node.fold_state.peers[SiteName("store-02")];
  for (std::int64_t n = 0; n < 600; ++n) {
    DispatchId id;
    id.bytes[0] = std::byte(n / 256);
    id.bytes[1] = std::byte(n % 256);
    const std::vector<stock::Line> lines{{Sku("A"), Quantity{1000}}};
    node.fold_state.stock.sent[id] = {SiteName("store-02"), lines, Instant{n}, 0};
    if (n > 0) peer.arrivals[id] = {SiteName("store-01"), lines, Instant{n}};
  }
  const auto whole = boost::json::parse(dispatches_json(node));
  const auto& outgoing = whole.as_object().at("outgoing").as_array();
  ASSERT_EQ(outgoing.size(), 500u);
  EXPECT_EQ(outgoing.front().at("at").as_string(), to_text(Instant{599}));
  EXPECT_EQ(outgoing.back().at("at").as_string(), to_text(Instant{0})) << "the lost one, in its place";
  EXPECT_EQ(outgoing.back().at("state").as_string(), "in_transit");
}

}  // namespace
}  // namespace holdfast::http
