// Liveness: when the faults have stopped, every write has an answer, what a site has written is cosigned, and each
// mirror holds what is, the one beyond the quorum too, for the next loss may need it: by the bytes of its disk and the
// root that was cosigned. A spare's machine is no mirror (10.2), and who knows of two histories takes no more (4.3).
#include <algorithm>

#include "audit/law.h"

namespace holdfast::audit {
namespace {

// Following a peer writes an entry of its own, so the last ones may always be on their way.
constexpr std::uint64_t on_their_way_max = 2;

class AllIsWell final : public Law {
 public:
  std::string_view name() const override { return "all is well at the end"; }

  void at_rest(const Evidence& evidence) override {
    for (const Told& told : evidence.told) {
      ++exercised;
      const Lineage& lineage = evidence.lineage_of_site(told.site);
      if (!lineage.problem.empty()) breach("the journal of " + told.site + " cannot be read: " + lineage.problem);
      // Else the newest journal that can be read would stand for one that cannot.
      if (const auto machine = evidence.machines.find(told.machine);
          machine != evidence.machines.end() && lineage.newest != machine->second.origin)
        breach(told.machine + " has nothing of its own journal that can be read");
      if (told.unanswered > 0)
        breach(told.site + " has left " + std::to_string(told.unanswered) + " writes without an answer");
      const auto size = lineage.kept.find(lineage.newest);
      const auto cosigned = evidence.cosigned.find(lineage.newest);
      const std::uint64_t signed_size =
          cosigned == evidence.cosigned.end() || cosigned->second.empty() ? 0 : cosigned->second.rbegin()->first;
      if (size != lineage.kept.end() && signed_size + on_their_way_max < size->second)
        breach(told.site + " has " + std::to_string(size->second) + " entries, and " + std::to_string(signed_size) +
               " are cosigned");
      if (signed_size > 0) check_mirrors(evidence, told.site, lineage.newest, *cosigned->second.rbegin());
    }
  }

 private:
  void check_mirrors(const Evidence& evidence, const std::string& site, const std::string& origin,
                     const std::pair<const std::uint64_t, Sha256>& cosigned) {
    const SiteFacts* owner = evidence.chain.find(site);
    if (owner == nullptr) return;
    for (const Told& mirror : evidence.told) {
      if (std::ranges::find(owner->mirrors, mirror.site) == owner->mirrors.end()) continue;
      const auto machine = evidence.machines.find(mirror.machine);
      const bool is_spare = machine != evidence.machines.end() && machine->second.is_spare;
      if (is_spare || mirror.contradicted.contains(origin)) continue;
      ++exercised;
      const auto& disk = evidence.disks.at(mirror.site);
      const auto journal = disk.find(origin);
      std::map<std::uint64_t, Sha256> held;
      if (journal != disk.end()) held = roots_at(journal->second, {cosigned.first});
      if (held.empty() || held.begin()->second != cosigned.second)
        breach(mirror.machine + " does not hold the " + std::to_string(cosigned.first) + " entries of " + origin +
               " that are cosigned");
    }
  }
};

}  // namespace

std::unique_ptr<Law> all_is_well_at_the_end() { return std::make_unique<AllIsWell>(); }

}  // namespace holdfast::audit
