// Liveness: when the faults have stopped, every write has an answer and what a site has written is cosigned.
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
      if (told.unanswered > 0)
        breach(told.site + " has left " + std::to_string(told.unanswered) + " writes without an answer");
      const auto size = lineage.kept.find(lineage.newest);
      const auto cosigned = evidence.cosigned.find(lineage.newest);
      const std::uint64_t signed_size =
          cosigned == evidence.cosigned.end() || cosigned->second.empty() ? 0 : cosigned->second.rbegin()->first;
      if (size != lineage.kept.end() && signed_size + on_their_way_max < size->second)
        breach(told.site + " has " + std::to_string(size->second) + " entries, and " + std::to_string(signed_size) +
               " are cosigned");
    }
  }
};

}  // namespace

std::unique_ptr<Law> all_is_well_at_the_end() { return std::make_unique<AllIsWell>(); }

}  // namespace holdfast::audit
