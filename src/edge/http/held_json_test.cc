// What of a head office's price list waits for a person here, as the page shows it.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "core/fold/follow.h"
#include "edge/http/fake_node.h"
#include "edge/http/state_json.h"

namespace holdfast::http {
namespace {

class HeldJson : public ::testing::Test {
 protected:
  HeldJson() {
    chain::Site head_office;
    head_office.name = SiteName("head-office");
    head_office.kind = chain::SiteKind::head_office;
    node.file.sites.push_back(head_office);
    part.origin = {node.file.chain, SiteName("head-office"), 2};
    for (const char* sku : {"A", "B", "C"}) part.catalogue.products[Sku(sku)] = {product(sku, 1'000'000, "S"), 1};
  }
  static catalogue::Product product(std::string_view sku, std::int64_t millionths, std::string_view vat) {
    return {Sku(sku), "", std::string(sku), {millionths}, VatCode(vat)};
  }
  boost::json::array held_whole() const {
    return boost::json::parse(held_json(node)).as_object().at("held").as_array();
  }
  // Without what tells one list from another: that has a test of its own.
  std::string held() const {
    boost::json::array shown = held_whole();
    for (auto& entry : shown) entry.as_object().stable_erase("products_sha256");
    return boost::json::serialize(shown);
  }
  FakeNode node;
  fold::PeerPart& part = node.fold_state.peers[SiteName("head-office")];
};

TEST_F(HeldJson, an_entry_is_shown_with_all_that_it_changes_a_vat_code_alone_and_a_new_product_too) {
  part.held[7] = {{product("A", 1'000'000, "S"), product("NEW", 3'000'000, "S"), product("B", 1'000'000, "R"),
                   product("C", 9'000'000, "S")}};
  EXPECT_EQ(held(),
            R"([{"origin":"holdfast.example/test/head-office/2","index":7,"bound":"50 %","count":4,"products":[)"
            R"({"sku":"B","name":"B","from":{"unit_price":"1.00","vat":"S"},"to":{"unit_price":"1.00","vat":"R"}},)"
            R"({"sku":"C","name":"C","from":{"unit_price":"1.00","vat":"S"},"to":{"unit_price":"9.00","vat":"S"}},)"
            R"({"sku":"NEW","name":"NEW","from":null,"to":{"unit_price":"3.00","vat":"S"}},)"
            R"({"sku":"A","name":"A","from":{"unit_price":"1.00","vat":"S"},"to":{"unit_price":"1.00","vat":"S"}}]}])");
}

TEST_F(HeldJson, what_waits_of_an_older_epoch_is_shown_and_what_nobody_can_accept_is_not) {
  part.lineage.push_back({{node.file.chain, SiteName("head-office"), 1}, 9, {}, {{4, {{product("A", 1, "S")}}}}});
  part.held[2] = {{product("B", 1, "S")}};
  fold::PeerPart& other = node.fold_state.peers[SiteName("store-01")];
  other.held[3] = {{product("A", 1, "S")}};
  const auto shown = boost::json::parse(held()).as_array();
  ASSERT_EQ(shown.size(), 2u);
  EXPECT_EQ(shown[0].at("origin").as_string(), "holdfast.example/test/head-office/1");
  EXPECT_EQ(shown[0].at("index").as_int64(), 4);
  EXPECT_EQ(shown[1].at("origin").as_string(), "holdfast.example/test/head-office/2");
}

TEST_F(HeldJson, an_entry_is_told_by_all_that_waits_of_it) {
  const auto hash = [&] { return std::string(held_whole().at(0).at("products_sha256").as_string()); };
  part.held[7] = {{product("A", 2'000'000, "S"), product("B", 3'000'000, "S")}};
  const std::string both = hash();
  EXPECT_EQ(both, to_hex(fold::hash_of(part.held[7])));
  part.held[7].products.pop_back();
  EXPECT_NE(hash(), both);
}

TEST_F(HeldJson, a_long_answer_ends_but_each_entry_is_named_with_how_much_it_changes) {
  for (EntryIndex index = 0; index < 3; ++index)
    for (int i = 0; i < 400; ++i)
      part.held[index].products.push_back(product("P" + std::to_string(1000 + i), 1'000'000, "S"));
  const auto shown = boost::json::parse(held()).as_array();
  ASSERT_EQ(shown.size(), 3u);
  EXPECT_EQ(shown[2].at("count").as_int64(), 400);
  EXPECT_EQ(shown[2].at("products").as_array().size(), 200u);
}

TEST_F(HeldJson, an_answer_looks_at_so_many_products_and_the_rest_follows_when_those_are_accepted) {
  auto& held = part.held;
  for (int i = 0; i < 1000; ++i) held[0].products.push_back(product("P" + std::to_string(i), 1'000'000, "S"));
  for (EntryIndex index = 1; index < 150; ++index) held[index] = held[0];
  EXPECT_EQ(held_whole().size(), 100u);
  EXPECT_EQ(held_whole().back().at("index").as_int64(), 99);
}

}  // namespace
}  // namespace holdfast::http
