// What `ready` and monitoring are told of files of sensors.
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

}  // namespace holdfast::http
