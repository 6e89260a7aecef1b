// Protocol 8.1: a write is known in any epoch, and taken once, whatever it is. What was listed may come and be taken.
#include "audit/law.h"

namespace holdfast::audit {
namespace {

class NothingTwice final : public Law {
 public:
  std::string_view name() const override { return "nothing is taken twice"; }

  void at_rest(const Evidence& evidence) override {
    for (const auto& [site, lineage] : evidence.lineages) {
      std::set<WriteId> taken;
      for (const Fact& fact : lineage.facts) {
        if (!fact.write || fact.kind == Fact::Kind::listed) continue;
        ++exercised;
        if (!taken.insert(*fact.write).second)
          breach(site + " has taken a write of till " + std::to_string(fact.write->till) + " twice");
      }
    }
  }
};

}  // namespace

std::unique_ptr<Law> nothing_twice() { return std::make_unique<NothingTwice>(); }

}  // namespace holdfast::audit
