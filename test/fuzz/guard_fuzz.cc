// guard.toml as people write it: taken, or refused with what is wrong; never half.
#include "edge/guard/config.h"
#include "test/fuzz/fuzz.h"

namespace holdfast::fuzz {

void fuzz_guard(ByteView in) {
  const std::string text(as_text(in));
  const Allocations allocations;
  // The shipped rules are read along with it, unless it leaves them out.
  const auto config = guard::parse_config("defaults = false\n" + text, "guard.toml");
  check_peak(allocations, in.size(), 1000, 1u << 20);
  if (!config) {
    HF_CHECK(config.error().code == "guard/bad_file" && config.error().text.size() > 15, "{}: {}", config.error().code,
             config.error().text);
    return;
  }
  HF_CHECK(config->rules.rules.size() <= guard::rules_max, "{} rules", config->rules.rules.size());
  for (const guard::Rule& rule : config->rules.rules) {
    HF_CHECK(!rule.name.empty() && rule.count >= 1 && rule.count <= guard::count_max, "rule \"{}\" counts {}",
             rule.name, rule.count);
    for (const guard::SignatureRange& range : rule.ranges) HF_CHECK(range.first <= range.last, "a range backwards");
  }
  guard::Judge judge(config->rules);
  (void)judge.judge({"suricata", "2024297", 1, "Attempted Administrator Privilege Gain", "ET EXPLOIT", {}, {}},
                    Instant{0});
}

Seeds seeds_of_guard() {
  return {text_seed("rules",
                    "otherwise = \"benign\"\neve = [\"/var/log/suricata/eve.json\"]\n"
                    "inside = [\"192.168.1.0/24\", \"fd00::/64\"]\ncanaries = [\"/srv/share/pay.xlsx\"]\n"
                    "[[rule]]\nname = \"worm\"\nlevel = \"sealed\"\nreason = \"it is inside\"\n"
                    "source = [\"suricata\"]\nsignature = [\"2024297\", \"2400000-2403999\", \"smb\"]\n"
                    "category = [\"A\"]\nwords = [\"x\"]\nseverity_at_least = 2\ncount = 3\nwithin_seconds = 60\n"),
          text_seed("webhook",
                    "[[webhook]]\nname = \"edr\"\nsignature = \"{/rule/id}\"\ncategory = \"{/kind}\"\n"
                    "text = \"{/host}: {/message}\"\nseen_at = \"{/at}\"\nseverity = \"{/level}\"\n"),
          text_seed("wrong", "otherwise = \"panic\"\n[[rule]]\nname = 7\n")};
}

}  // namespace holdfast::fuzz
