#include "edge/http/json_out.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace holdfast::http {
namespace {

TEST(JsonOut, PlacesCommasAndEscapesWhatJsonMustNotHold) {
  JsonOut out;
  out.object().field("text", "a\"b\\c\n\x01 caf\xc3\xa9").field("n", -5).field("yes", true).field_null("none");
  out.array("list").number(1).number(2).object().end_object().end_array().object("in").end_object();
  out.field("absent", std::optional<std::uint64_t>()).field("there", std::optional<std::uint64_t>(7)).end_object();
  const std::string text = out.take();
  const auto parsed = boost::json::parse(text).as_object();
  EXPECT_EQ(parsed.at("text").as_string(), "a\"b\\c\n\x01 caf\xc3\xa9");
  EXPECT_EQ(parsed.at("n").as_int64(), -5);
  EXPECT_EQ(parsed.at("list").as_array().size(), 3u);
  EXPECT_TRUE(parsed.at("absent").is_null());
  EXPECT_EQ(parsed.at("there").as_int64(), 7);
}

TEST(JsonOut, MendsTextThatIsNoUtf8) {
  JsonOut out;
  out.array().text("caf\xe9 \xc3").end_array();
  EXPECT_EQ(out.take(), "[\"caf? ?\"]");
}

}  // namespace
}  // namespace holdfast::http
