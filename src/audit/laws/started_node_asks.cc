// Protocol 3.1: after a start, nothing leaves a site signed until r mirrors have told it what they know of it.
#include <algorithm>

#include "audit/law.h"
#include "schema/links_generated.h"

namespace holdfast::audit {
namespace {

class StartedNodeAsks final : public Law {
 public:
  std::string_view name() const override { return "a started node asks before it signs"; }

  void started(const std::string& machine, std::int64_t now_ns) override { starts_[machine] = {now_ns, {}, {}}; }

  void heard(const Evidence& evidence, const Letter& letter) override {
    if (const auto* known = letter.message->body_as_Known(); known != nullptr && known->site() != nullptr) {
      Start& start = starts_[letter.to->name];
      const SiteFacts* site = evidence.chain.find(letter.to->site);
      // A thief with a mirror's keys has its voice.
      if (known->site()->str() != letter.to->site || site == nullptr ||
          std::ranges::find(site->mirrors, letter.from->site) == site->mirrors.end())
        return;
      start.told.insert(letter.from->site);
      if (start.told.size() >= honest_any_of(site->mirrors.size()) && !start.ready_ns) start.ready_ns = letter.now_ns;
      return;
    }
    if (letter.from->is_thief) return;
    const auto* beat = letter.message->body_as_Heartbeat();
    const bool is_signed_beat = beat != nullptr && beat->signature() != nullptr && beat->signature()->size() > 0;
    if (!is_signed_beat && letter.message->body_as_Offer() == nullptr) return;
    const auto it = starts_.find(letter.from->name);
    if (it == starts_.end() || letter.sent_ns < it->second.at_ns) return;  // of the time before
    ++exercised;
    if (!it->second.ready_ns || letter.sent_ns < *it->second.ready_ns)
      breach(letter.from->name + " has signed after its start, when " + std::to_string(it->second.told.size()) +
             " mirrors had told it what they know");
  }

 private:
  struct Start {
    std::int64_t at_ns = 0;
    std::set<std::string> told;
    std::optional<std::int64_t> ready_ns;
  };
  std::map<std::string, Start> starts_;  // by machine
};

}  // namespace

std::unique_ptr<Law> started_node_asks() { return std::make_unique<StartedNodeAsks>(); }

}  // namespace holdfast::audit
