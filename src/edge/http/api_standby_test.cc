// What `ready` and monitoring are told, and what asking costs.
#include "edge/http/api_fixture.h"

namespace holdfast::http {

using ReadyTest = ApiFixture;

TEST_F(ReadyTest, FilesOfSensorsThatCannotBeReadAreToldAndASiteSellsWithoutThem) {
  ApiParts parts{*thread_,       *credentials_, *sessions_,         *vault_, *worker_, world_.clock,
                 world_.entropy, pages_,        server_->counters()};
  EXPECT_THAT(ask("GET", "/metrics").body, HasSubstr("\nholdfast_sensor_files_unreadable 0\n"));
  EXPECT_THAT(ask("GET", "/v1/ready").body, Not(HasSubstr("\"check\":\"sensors\"")));
  parts.sensor_files = [] { return SensorFileCount{.all = 2, .unreadable = 1}; };
  api_ = std::make_unique<Api>(std::move(parts), ApiSettings{.site = "store-01", .listen = "127.0.0.1:0"});
  EXPECT_THAT(ask("GET", "/metrics").body, HasSubstr("\nholdfast_sensor_files_unreadable 1\n"));
  const std::string ready = ask("GET", "/v1/ready").body;
  EXPECT_THAT(ready, HasSubstr(R"("check":"sensors","state":"missing","needed":false,)"));
  EXPECT_THAT(ready, HasSubstr("1 of 2 files of sensors cannot be read"));
}

// A stranger who asked again and again made sales wait: each time the node's thread walked over all products.
TEST_F(ReadyTest, AllWhoAskInOneSecondCostOneWalkOverThePriceList) {
  auto& products = node_.fold_state.catalogue.products;
  const auto list = [&](const char* sku) {
    products[Sku(sku)] = {{Sku(sku), "", "Tea", {2'550'000}, VatCode("OLD")}, 1};
  };
  const auto told = [&](const char* query) { return ask("GET", std::string("/v1/ready") + query).body; };
  list("A");
  EXPECT_THAT(told(""), HasSubstr("\"1 products have a VAT code"));
  list("B");
  world_.clock.at = world_.clock.at + milliseconds(999);
  for (const char* query : {"", "?max_age_hours=1", "?max_age_hours=2", "?max_age_hours=9999"})
    EXPECT_THAT(told(query), HasSubstr("\"1 products have a VAT code")) << query << ": another limit is no other walk";
  world_.clock.at = world_.clock.at + milliseconds(1);
  EXPECT_THAT(told("?max_age_hours=1"), HasSubstr("\"2 products have a VAT code"));
  list("C");
  EXPECT_THAT(told(""), HasSubstr("\"2 products have a VAT code"));
}

}  // namespace holdfast::http
