// What a spare that waits answers to whoever types the code.
#include "edge/http/spare_api.h"

#include <gmock/gmock.h>

#include <future>
#include <thread>

#include "edge/keys/spare_ceremony_test_support.h"
#include "edge/posix/posix_world.h"
#include "edge/serve/spare_host.h"

namespace holdfast::http {
namespace {

using ::testing::HasSubstr;

// 13.116: with its keys in clear it would copy nothing any more, and open at no start.
TEST(SpareApi, ASpareThatCannotOpenKeepsItsCodeAndItsKeysSealed) {
  keys::Ceremony ceremony;
  const std::string directory = ceremony.path("spare");
  const std::string code = ceremony.make_spare(directory);
  const auto log = serve::Log::open(ceremony.path("log"));
  ASSERT_TRUE(log);
  const auto host = serve::SpareHost::open({directory, "127.0.0.1:1"}, *log);
  ASSERT_TRUE(host) << host.error().text;
  std::thread copying([&] { EXPECT_TRUE((*host)->run()); });
  int typed = 0;
  {
    Worker worker;
    const Pages pages;
    SpareApi api([&](auto task) { (*host)->read(std::move(task)); },
                 [&](const std::string& given) {
                   ++typed;
                   edge::SodiumEntropy entropy;
                   return keys::promote_directory(directory, given, entropy);
                 },
                 worker, (*host)->clock(), pages, "127.0.0.1:8080");
    const auto ask = [&](Method method, const std::string& path, const std::string& body) {
      Request request;
      request.method = method;
      request.path = path;
      request.host = "127.0.0.1:8080";
      request.from = "127.0.0.1";
      request.content_type = "application/json";
      request.body = body;
      std::promise<Response> answered;
      api.handle(request, [&](const std::function<Response()>& make) { answered.set_value(make()); });
      return answered.get_future().get();
    };
    EXPECT_THAT(ask(Method::get, "/v1/spare", "").body, HasSubstr(R"("can_open":false)"));
    const Response answer = ask(Method::post, "/v1/spare/promote", R"({"code":")" + code + R"("})");
    EXPECT_EQ(answer.status, 409u);
    EXPECT_THAT(answer.body, HasSubstr("spare/not_ready"));
    EXPECT_THAT(answer.body, HasSubstr("no copy of the store's journal"));
    EXPECT_FALSE(api.is_promoted());
  }
  EXPECT_EQ(typed, 0);
  EXPECT_FALSE(keys::is_promoted(directory));
  (*host)->request_stop();
  copying.join();
}

}  // namespace
}  // namespace holdfast::http
