// guard.toml, lines of sensors, tripwires, who is inside, and the helper.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "edge/guard/alert_json.h"
#include "edge/guard/guard_test_support.h"
#include "edge/guard/inside.h"
#include "edge/guard/sealing.h"
#include "edge/guard/trial.h"
#include "edge/guard/tripwires.h"
#include "edge/posix/scratch_directory.h"

namespace holdfast::guard {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// ---- guard.toml

TEST(GuardFile, the_shipped_rules_are_sound_and_each_has_its_reason) {
  const auto config = parse_config(std::nullopt, "guard.toml");
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_GT(config->rules.rules.size(), 20u);
  for (const Rule& rule : config->rules.rules) EXPECT_GT(rule.reason.size(), 20u) << rule.name;
  EXPECT_NE(config->webhook("windows"), nullptr);
  EXPECT_EQ(config->rules.otherwise, Level::watch);
}

TEST(GuardFile, a_site_s_rule_replaces_the_shipped_one_of_the_same_name_and_comes_first) {
  const auto config = parse_config(R"(
otherwise = "benign"
[[rule]]
name = "canary"
level = "watch"
reason = "our backup touches it each night"
source = ["tripwire"]
signature = ["canary"]
)",
                                   "guard.toml");
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(config->rules.rules.front().name, "canary");
  EXPECT_EQ(std::ranges::count(config->rules.rules, std::string("canary"), &Rule::name), 1);
  EXPECT_EQ(config->rules.otherwise, Level::benign);
  const auto alone = parse_config("defaults = false\n", "guard.toml");
  ASSERT_TRUE(alone);
  EXPECT_TRUE(alone->rules.rules.empty());
}

TEST(GuardFile, every_slip_is_named_with_its_line) {
  const auto config = parse_config(R"(otherwise = "panic"
[[rule]]
name = "x"
level = "sealed"
reason = "because"
signatur = ["1"]
[[rule]]
name = "x"
level = "sealed"
reason = "because"
signature = ["9-3"]
count = 5
[[rule]]
name = "all"
level = "sealed"
reason = "everything"
[[webhook]]
name = "Big Name"
signature = "{EventID}"
[seal]
helper = "relative"
)",
                                   "guard.toml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, "guard/bad_file");
  const std::string& text = config.error().text;
  EXPECT_THAT(text, HasSubstr("guard.toml:1: \"panic\" is no level"));
  EXPECT_THAT(text, HasSubstr("guard.toml:6: a rule has no key `signatur`"));
  EXPECT_THAT(text, HasSubstr("there are two rules \"x\""));
  EXPECT_THAT(text, HasSubstr("guard.toml:11: the range 9-3 ends before it begins"));
  EXPECT_THAT(text, HasSubstr("`count` (more than 1) and `within_seconds` belong together"));
  EXPECT_THAT(text, HasSubstr("the rule matches every alert"));
  EXPECT_THAT(text, HasSubstr("a webhook's name is made of"));
  EXPECT_THAT(text, HasSubstr("write {/pointer}"));
  EXPECT_THAT(text, HasSubstr("write the whole path"));
  EXPECT_FALSE(parse_config("[[rule\n", "guard.toml"));
}

// ---- lines

TEST(Eve, a_line_of_suricata_becomes_an_alert_and_other_events_none) {
  const std::string line =
      R"({"timestamp":"2018-03-24T13:01:02.500000-0600","event_type":"alert","src_ip":"10.0.0.5",)"
      R"("src_port":1,"dest_ip":"10.0.0.6","dest_port":445,"alert":{"signature_id":2024297,)"
      R"("signature":"ET EXPLOIT","category":"Attempted Administrator Privilege Gain","severity":1}})";
  const auto alert = read_eve(line);
  ASSERT_TRUE(alert && *alert) << alert.error().text;
  EXPECT_EQ((*alert)->signature, "2024297");
  EXPECT_EQ((*alert)->severity, 1);
  EXPECT_EQ((*alert)->text, "ET EXPLOIT (10.0.0.5:1 -> 10.0.0.6:445)");
  EXPECT_EQ(to_text((*alert)->seen_at), "2018-03-24T19:01:02.500000000Z");
  EXPECT_EQ((*alert)->digest, sha256(as_bytes(line)));
  const auto flow = read_eve(R"({"event_type":"flow"})");
  ASSERT_TRUE(flow);
  EXPECT_FALSE(*flow);
}

TEST(Eve, hostile_lines_are_refused_or_cleaned_and_none_is_trusted) {
  for (const char* line :
       {"", "null", "[]", "{", "{\"event_type\":\"alert\"}", "{\"event_type\":\"alert\",\"alert\":7}",
        "{\"event_type\":\"alert\",\"alert\":{\"severity\":1}}"})
    EXPECT_FALSE(read_eve(line).has_value() && read_eve(line)->has_value()) << line;
  EXPECT_FALSE(read_eve(std::string(1000, '[')));
  EXPECT_FALSE(read_eve("{\"event_type\":\"alert\",\"x\":\"" + std::string(alert_bytes_max, 'y') + "\"}"));
  const auto odd = read_eve(
      "{\"event_type\":\"alert\",\"timestamp\":\"yesterday\",\"alert\":{\"signature_id\":\"a\\u0000b\\nc\","
      "\"severity\":99,"
      "\"signature\":\"" +
      std::string(5000, 'z') + "\"}}");
  ASSERT_TRUE(odd && *odd);
  EXPECT_TRUE(check_event(AlertRaised{**odd, Level::watch, "r", 1}));
  EXPECT_EQ((*odd)->seen_at.unix_ns, 0);
}

TEST(Webhook, pointers_fill_the_fields) {
  const auto config = parse_config(std::nullopt, "");
  const Mapping& windows = *config->webhook("windows");
  const auto alert =
      read_mapped(windows, R"({"Channel":"security","EventID":4742,"SubjectUserName":"ANONYMOUS LOGON",)"
                           R"("Category":"Computer Account Management","@timestamp":"2020-09-17T03:39:24.507Z"})");
  ASSERT_TRUE(alert) << alert.error().text;
  EXPECT_EQ(alert->source, "webhook:windows");
  EXPECT_EQ(alert->signature, "security:4742");
  EXPECT_THAT(alert->unrecorded, HasSubstr("ANONYMOUS LOGON"));
  Judge judge(config->rules);
  EXPECT_EQ(judge.judge(*alert, Instant{}).rule->name, "windows-zerologon");
  EXPECT_FALSE(read_mapped(windows, "\r\n"));
}

// ---- tripwires

struct Wires : ::testing::TestWithParam<bool> {
  edge::ScratchDirectory dir;
  std::string segment = dir.path() + "/journals/store-01/1/0000000000000000.seg",
              next = dir.path() + "/journals/store-01/1/0000000000000001.seg";
  std::string key = dir.path() + "/keys/log.key";
  Wires() {
    fs::create_directories(dir.path() + "/journals/store-01/1");
    fs::create_directories(dir.path() + "/keys");
    for (const std::string& path : {segment, next, key}) std::ofstream(path) << std::string(8192, 'a');
  }
  Tripwires::Settings settings() {
    return {.data = dir.path(), .site = "store-01", .canaries = {}, .weak = GetParam()};
  }
  static void overwrite(const std::string& path) {
    std::fstream file(path, std::ios::in | std::ios::out);
    file.seekp(4096);
    file << "x";
  }
  std::set<std::string> signatures(Tripwires& wires) {
    std::set<std::string> out;
    for (const Touched& touched : wires.take()) out.insert(touched.signature);
    return out;
  }
};

TEST_P(Wires, what_another_process_touches_is_told_by_what_it_is) {
  Tripwires wires(settings());
  if (!GetParam() && wires.weak()) GTEST_SKIP() << "no fanotify on this file system";
  EXPECT_TRUE(signatures(wires).empty());
  elsewhere([&] { overwrite(segment); });
  EXPECT_EQ(signatures(wires), std::set<std::string>{"journal"});
  elsewhere([&] { overwrite(key); });
  EXPECT_EQ(signatures(wires), std::set<std::string>{"keys"});
  EXPECT_TRUE(signatures(wires).empty()) << "each is told once";
}

TEST_P(Wires, a_lost_history_of_another_site_is_thrown_away_and_nobody_is_told) {
  const std::string other = dir.path() + "/journals/other/1/";
  fs::create_directories(other);
  for (const char* name : {"0.seg", "1.seg", "2.seg"}) std::ofstream(other + name) << "of a branch";
  Tripwires wires(settings());
  if (!GetParam() && wires.weak()) GTEST_SKIP() << "no fanotify on this file system";
  fs::remove(other + "0.seg");
  std::ofstream(other + "1.seg") << "written anew";
  EXPECT_TRUE(signatures(wires).empty());
}

TEST_P(Wires, a_file_put_in_another_s_place_is_seen) {
  Tripwires wires(settings());
  if (!GetParam() && wires.weak()) GTEST_SKIP() << "no fanotify on this file system";
  elsewhere([&] {
    std::ofstream(segment + ".x") << std::string(8192, 'b');
    fs::rename(segment + ".x", segment);
  });
  EXPECT_EQ(signatures(wires), std::set<std::string>{"journal"});
}

INSTANTIATE_TEST_SUITE_P(Kernel, Wires, ::testing::Values(false, true),
                         [](const auto& chosen) { return chosen.param ? "by_comparing" : "by_fanotify"; });

TEST(Tripwires, however_busy_we_are_our_own_writes_never_count_and_one_byte_of_another_does) {
  edge::ScratchDirectory dir;
  const std::string segment = dir.path() + "/journals/s/1/0.seg";
  fs::create_directories(dir.path() + "/journals/s/1");
  std::ofstream(segment) << std::string(1 << 20, 'a');
  Tripwires wires({.data = dir.path(), .site = "s", .canaries = {}});
  if (wires.weak()) GTEST_SKIP() << "no fanotify on this file system";
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    std::fstream file(segment, std::ios::in | std::ios::out);
    for (int at = 0; !stop; at = (at + 4096) % (1 << 20)) {
      file.seekp(at);
      file << "own" << std::flush;
    }
  });
  std::size_t told = 0;
  for (int i = 0; i < 200; ++i) {
    told += wires.take().size();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  // Directories and files of our own making, too.
  fs::create_directories(dir.path() + "/journals/other/2");
  std::ofstream(dir.path() + "/journals/other/2/0.seg") << "new";
  told += wires.take().size();
  EXPECT_EQ(told, 0u);
  elsewhere([&] { Wires::overwrite(segment); });
  const auto touched = wires.take();
  ASSERT_EQ(touched.size(), 1u);
  EXPECT_THAT(touched[0].text, HasSubstr("the journal was written to by process"));
  elsewhere([&] { std::ofstream(dir.path() + "/journals/other/2/1.seg") << "foreign"; });
  EXPECT_FALSE(wires.take().empty()) << "directories made since are watched, too";
  stop = true;
  writer.join();
}

// ---- who is inside

TEST(Inside, networks_hold_what_is_in_them_in_both_families) {
  const std::vector<Network> shop{*Network::parse("192.168.10.0/23"), *Network::parse("fd00:1::/64"),
                                  *Network::parse("10.0.0.7")};
  for (const char* in : {"192.168.10.1", "192.168.11.255", "::ffff:192.168.10.9", "fd00:1::5", "10.0.0.7"})
    EXPECT_TRUE(is_inside(shop, in)) << in;
  for (const char* out : {"192.168.12.1", "fd00:2::5", "10.0.0.8", "", "nonsense", "8.8.8.8"})
    EXPECT_FALSE(is_inside(shop, out)) << out;
  for (const char* bad : {"1.2.3.4/33", "fd00::/129", "1.2.3", "1.2.3.4/", "x/8"})
    EXPECT_FALSE(Network::parse(bad)) << bad;
  ASSERT_TRUE(attached_networks());
  EXPECT_TRUE(is_inside(*attached_networks(), "127.0.0.1"));
  EXPECT_FALSE(is_inside(*attached_networks(), "203.0.113.9"));
}

// ---- sealing

TEST(Helper, without_one_it_is_said_and_nothing_waits) {
  const auto none = ask_helper("/nowhere/at/all.sock", "seal");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, "guard/no_helper");
  EXPECT_FALSE(ask_helper("", "seal"));
  EXPECT_FALSE(ask_helper(std::string(300, 'x'), "seal"));
}

TEST(Probe, who_answers_is_told_and_names_are_not_asked_of_anybody) {
  const auto probed = probe({{"refuses", "127.0.0.1:1"}, {"a name", "example.invalid:80"}}, milliseconds(500));
  EXPECT_TRUE(probed[0].answered) << "a refusal is a packet that came back";
  EXPECT_TRUE(probed[0].dialled);
  EXPECT_FALSE(probed[1].answered);
  EXPECT_FALSE(probed[1].dialled);
}

TEST(Probe, what_was_not_dialled_proves_nothing) {
  const Probed silent{"head-office", "192.0.2.1:443", true, false}, name{"store-02", "store-02.example:443"};
  const Probed answers{"outside", "192.0.2.2:443", true, true};
  EXPECT_EQ(to_text(our_end({name})), "not proved");
  EXPECT_EQ(to_text(our_end({})), "not proved");
  EXPECT_EQ(to_text(our_end({silent, name})), "proved");
  EXPECT_EQ(to_text(our_end({silent, answers, name})), "answers");
  EXPECT_EQ(told({silent, name}),
            "Proved from our end: 1 addresses dialled, none answered. Not dialled, because a name would ask DNS: "
            "store-02 (store-02.example:443). Other end: unreachable from here.");
  EXPECT_EQ(
      told({name}),
      "The packet filter is set. Not proved from our end: nobody was dialled. Not dialled, because a name would ask "
      "DNS: store-02 (store-02.example:443).");
  EXPECT_EQ(told({answers}), "NOT PROVED: the packet filter is set, and yet outside (192.0.2.2:443) answered.");
}

TEST(Inside, without_a_list_it_is_what_the_machine_is_attached_to_and_loopback_is_always_inside) {
  const auto listed = outside_of({*Network::parse("192.168.10.0/24")});
  EXPECT_FALSE(listed("192.168.10.7"));
  EXPECT_FALSE(listed("127.0.0.1"));
  EXPECT_TRUE(listed("192.168.11.7"));
  EXPECT_TRUE(listed("not an address"));
  EXPECT_FALSE(outside_of({})("127.0.0.1"));
  // The machine that tests may be attached to one of the networks for documentation, but hardly to all.
  const auto attached = outside_of({});
  EXPECT_TRUE(attached("192.0.2.1") || attached("198.51.100.1") || attached("203.0.113.1"));
}

TEST(Inside, each_seal_begins_with_the_networks_of_its_own_moment) {
  std::vector<Network> attached{*Network::parse("10.9.9.1/24")};
  InsideOfSeal inside({}, [&] { return std::optional(attached); });
  inside.begin(Instant{});
  attached = {*Network::parse("10.9.8.1/24")};
  EXPECT_TRUE(inside.holds("10.9.9.7", Instant{}));
  EXPECT_FALSE(inside.holds("10.9.8.7", Instant{} + milliseconds(99))) << "who is outside has it asked now and then";
  EXPECT_TRUE(inside.holds("10.9.8.7", Instant{} + milliseconds(100)));
  inside.begin(Instant{} + seconds(60));
  EXPECT_FALSE(inside.holds("10.9.9.7", Instant{} + seconds(120)));
  EXPECT_TRUE(inside.holds("10.9.8.7", Instant{} + seconds(120)));
}

}  // namespace
}  // namespace holdfast::guard
