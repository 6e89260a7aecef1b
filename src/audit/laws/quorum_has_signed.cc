// Protocol 4: cosigned means that q of n mirrors have signed the same checkpoint, its owner first; and no two cosigned
// checkpoints of one journal disagree (promise 3). Where more than f mirrors lie, they may, and then somebody must have
// the proof when all have met. Sizes that differ are compared with one history in cosigned_is_kept.cc.
#include <algorithm>

#include "audit/law.h"

namespace holdfast::audit {
namespace {

class QuorumHasSigned final : public Law {
 public:
  std::string_view name() const override { return "a quorum has signed, and signs one history"; }

  void called_cosigned(const Evidence& evidence, const MachineFacts& by, const CosignedNote& note) override {
    // He may call anything cosigned. What a quorum has signed it has signed, whoever shows it.
    if (!note.holds() && by.is_thief) return;
    const std::string& origin = note.checkpoint.origin;
    ++exercised;
    if (!note.holds())
      return breach(by.name + " calls " + std::to_string(note.checkpoint.size) + " entries of " + origin +
                    " cosigned, and " + std::to_string(note.mirrors) + " mirrors have signed them");
    const auto [it, is_new] = roots_.emplace(std::pair(origin, note.checkpoint.size), note.checkpoint.root);
    if (is_new || it->second == note.checkpoint.root) return;
    const auto parts = parts_of(origin, evidence.chain.chain);
    if (!evidence.overrun.contains(parts->site))
      breach("two cosigned checkpoints of " + origin + " disagree at " + std::to_string(note.checkpoint.size));
  }

  bool outlives_fraud() const override { return true; }
  void at_rest(const Evidence& evidence) override {
    for (const std::string& site : evidence.overrun) {
      ++exercised;
      const auto has_proof = [&](const Told& told) {
        return std::ranges::any_of(told.contradicted, [&](const std::string& origin) {
          const auto parts = parts_of(origin, evidence.chain.chain);
          return parts && parts->site == site;
        });
      };
      if (std::ranges::none_of(evidence.told, has_proof))
        breach("more than f mirrors of " + site + " have lied, and nobody has the proof");
    }
  }

 private:
  std::map<std::pair<std::string, std::uint64_t>, Sha256> roots_;
};

}  // namespace

std::unique_ptr<Law> quorum_has_signed() { return std::make_unique<QuorumHasSigned>(); }

}  // namespace holdfast::audit
