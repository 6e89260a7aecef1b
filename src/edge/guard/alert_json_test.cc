// What of a sensor's line is looked at, and what of it is recorded.
#include "edge/guard/alert_json.h"

#include <gtest/gtest.h>

namespace holdfast::guard {
namespace {

// What is recorded stands in the journal for ever, and other sites follow it.
TEST(Webhook, names_and_command_lines_are_looked_at_and_not_recorded) {
  const auto config = parse_config("[[webhook]]\nname = \"edr\"\nsignature = \"{/id}\"\ntext = \"{/message}\"\n", "");
  ASSERT_TRUE(config) << config.error().text;
  const auto alert =
      read_mapped(*config->webhook("windows"),
                  R"({"Channel":"Security","EventID":4688,"Hostname":"TILL-PC","SubjectUserName":"jane.doe",)"
                  R"("CommandLine":"net use \\\\srv /user:jane hunter2 & )" +
                      std::string(1000, 'x') + R"( mimikatz"})");
  ASSERT_TRUE(alert) << alert.error().text;
  EXPECT_EQ(alert->text, "TILL-PC");
  EXPECT_EQ(Judge(config->rules).judge(*alert, Instant{}).rule_name(), "windows-known-tools") << "also far behind";
  EXPECT_TRUE(check_event(AlertRaised{*alert, Level::sealed, "r", 1}));
  const auto own = read_mapped(*config->webhook("edr"), R"({"id":"7","message":"jane.doe has signed in"})");
  ASSERT_TRUE(own);
  EXPECT_EQ(own->text, "") << "a mapping that does not say what is recorded records nothing of the text";
  EXPECT_EQ(own->unrecorded, "jane.doe has signed in");
}

}  // namespace
}  // namespace holdfast::guard
