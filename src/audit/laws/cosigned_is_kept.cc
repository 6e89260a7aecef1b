// Promise 2, 3: what was cosigned survives the loss of its site, with f mirrors lost or lying besides; and all that was
// ever cosigned of a journal, at whatever sizes, is of the one history that is there at the end.
#include "audit/law.h"

namespace holdfast::audit {
namespace {

class CosignedIsKept final : public Law {
 public:
  std::string_view name() const override { return "cosigned is kept"; }

  void at_rest(const Evidence& evidence) override {
    for (const auto& [origin, notes] : evidence.cosigned) {
      const auto parts = parts_of(origin, evidence.chain.chain);
      const auto disk = evidence.disks.find(parts->site);
      if (disk == evidence.disks.end() || notes.empty()) continue;
      const Lineage& lineage = evidence.lineage_of_site(parts->site);
      const auto kept = lineage.kept.find(origin);
      const std::uint64_t size = notes.rbegin()->first;
      if (kept == lineage.kept.end() || kept->second < size) {
        breach(std::to_string(size) + " entries of " + origin + " were cosigned, and the site goes on from " +
               std::to_string(kept == lineage.kept.end() ? 0 : kept->second));
        continue;
      }
      std::set<std::uint64_t> sizes;
      for (const auto& [at, root] : notes) sizes.insert(at);
      for (const auto& [at, root] : roots_at(disk->second.at(origin), sizes)) {
        ++exercised;
        if (root != notes.at(at))
          breach("the first " + std::to_string(at) + " entries of " + origin + " are not those that were cosigned");
      }
    }
  }
};

}  // namespace

std::unique_ptr<Law> cosigned_is_kept() { return std::make_unique<CosignedIsKept>(); }

}  // namespace holdfast::audit
