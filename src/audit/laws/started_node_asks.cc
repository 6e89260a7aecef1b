// Protocol 3.1, 3.2: after a start, nothing leaves a site signed until r mirrors have told it what they know of it; and
// what it signs then is no less than what was cosigned by that time, for any r mirrors include one who told it. Of each
// start the first signed word is counted, and the first checkpoint.
#include <algorithm>
#include <utility>

#include "audit/law.h"
#include "schema/links_generated.h"

namespace holdfast::audit {
namespace {

class StartedNodeAsks final : public Law {
 public:
  std::string_view name() const override { return "a started node asks before it signs"; }

  void started(const std::string& machine, std::int64_t now_ns) override { starts_[machine] = Start{now_ns}; }

  void heard(const Evidence& evidence, const Letter& letter) override {
    if (const auto* known = letter.message->body_as_Known(); known != nullptr && known->site() != nullptr) {
      Start& start = starts_[letter.to->name];
      const SiteFacts* site = evidence.chain.find(letter.to->site);
      // A thief with a mirror's keys has its voice.
      if (known->site()->str() != letter.to->site || site == nullptr ||
          std::ranges::find(site->mirrors, letter.from->site) == site->mirrors.end())
        return;
      start.told.insert(letter.from->site);
      if (start.told.size() < honest_any_of(site->mirrors.size()) || start.ready_ns) return;
      start.ready_ns = letter.now_ns;
      const auto cosigned = evidence.cosigned.find(letter.to->origin);
      if (cosigned != evidence.cosigned.end() && !evidence.overrun.contains(letter.to->site))
        start.cosigned = cosigned->second.rbegin()->first;
      return;
    }
    if (letter.from->is_thief) return;
    const auto* beat = letter.message->body_as_Heartbeat();
    const bool is_signed_beat = beat != nullptr && beat->signature() != nullptr && beat->signature()->size() > 0;
    const auto* offer = letter.message->body_as_Offer();
    if (!is_signed_beat && offer == nullptr) return;
    const auto it = starts_.find(letter.from->name);
    if (it == starts_.end() || letter.sent_ns < it->second.at_ns) return;  // of the time before
    Start& start = it->second;
    exercised += std::exchange(start.has_spoken, true) ? 0 : 1;
    if (!start.ready_ns || letter.sent_ns < *start.ready_ns)
      breach(letter.from->name + " has signed after its start, when " + std::to_string(start.told.size()) +
             " mirrors had told it what they know");
    if (offer != nullptr && offer->note() != nullptr) compare(start, *letter.from, offer->note()->str());
  }

 private:
  struct Start {
    std::int64_t at_ns = 0;
    std::set<std::string> told;
    std::optional<std::int64_t> ready_ns;
    std::uint64_t cosigned = 0;  // entries of its journal, by then
    bool has_spoken = false, has_offered = false;
  };
  void compare(Start& start, const MachineFacts& machine, const std::string& text) {
    const auto note = read_note(text);
    const auto checkpoint = note ? read_checkpoint(*note) : std::nullopt;
    if (!checkpoint || checkpoint->origin != machine.origin || start.cosigned == 0) return;
    exercised += std::exchange(start.has_offered, true) ? 0 : 1;
    if (checkpoint->size < start.cosigned)
      breach(machine.name + " has signed " + std::to_string(checkpoint->size) + " entries after its start, and " +
             std::to_string(start.cosigned) + " were cosigned before");
  }
  std::map<std::string, Start> starts_;  // by machine
};

}  // namespace

std::unique_ptr<Law> started_node_asks() { return std::make_unique<StartedNodeAsks>(); }

}  // namespace holdfast::audit
